/**
 * Key sets in the shape of login providers: which members they write, in which order, beside which others. The keys are
 * ours, and so is each certificate in x5c: it belongs to another key, which no library looks at.
 */
import { answers, listed, signs } from "./case.ts";
import type { Builder, Listed } from "./case.ts";
import type { Key, Keys } from "./keys.ts";

const sig = (key: Key, kid: string, extra: Record<string, unknown> = {}): Listed =>
  listed(key, { use: "sig", alg: key.alg, kid, ...extra });
/** Entra ID, PingFederate and others leave alg out. */
const withoutAlg = (key: Key, kid: string, extra: Record<string, unknown> = {}): Listed =>
  listed(key, { use: "sig", kid, ...extra });

const thumb = "dGhpcyBpcyBubyB0aHVtYnByaW50";
const two = (keys: Keys, first: string, second: string, extra = {}) =>
  signs([sig(keys.rsa, first, extra), sig(keys.rsa2, second, extra)]);
const one = (keys: Keys, kid: string, extra = {}) => signs([sig(keys.rsa, kid, extra)]);
const x509 = ({ x5c }: Keys) => ({ x5c, x5t: thumb, "x5t#S256": thumb });

// prettier-ignore
export const PROVIDERS: readonly (readonly [what: string, build: Builder])[] = [
  ["Auth0", (k) => two(k, "NEMyRTQ2OTk5RDM5", "R0YwN0ZBQTNCRDQz", { x5c: k.x5c, x5t: thumb })],
  ["Okta", (k) => two(k, "mB2rXT0a9yJqQ8nW", "4F_kL1pVt0cYh2sR")],
  ["Okta, custom authorization server with one key", (k) => one(k, "mB2rXT0a9yJqQ8nW")],
  ["Entra ID, v1", (k) => signs([k.rsa, k.rsa2, k.rsa3].map((key, index) => withoutAlg(key, `kid-${index}`, { x5t: `kid-${index}`, x5c: k.x5c })))],
  ["Entra ID, v2", (k) => signs([withoutAlg(k.rsa, "JDNa_4i4r7FgigL3", { x5t: "JDNa_4i4r7FgigL3", x5c: k.x5c, cloud_instance_name: "microsoftonline.com", issuer: "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0" })])],
  ["Entra ID, v2 of all tenants, with {tenantid} in the issuer", (k) => signs([withoutAlg(k.rsa, "JDNa_4i4r7FgigL3", { x5t: "JDNa_4i4r7FgigL3", x5c: k.x5c, issuer: "https://login.microsoftonline.com/{tenantid}/v2.0" })])],
  ["Entra ID, B2C", (k) => signs([withoutAlg(k.rsa, "X5eXk4xyojNFum1kl2Ytv8dlNP4-c57dO6QGTVBwaNk", { nbf: 1493763266 })])],
  ["Entra External ID", (k) => signs([withoutAlg(k.rsa, "ciam-1", { x5t: "ciam-1", x5c: k.x5c, issuer: "https://example.ciamlogin.com/9188040d/v2.0" })])],
  ["AD FS", (k) => signs([sig(k.rsa, "GyYfTQ0dhVxoTv1O", { x5t: "GyYfTQ0dhVxoTv1O", x5c: k.x5c })])],
  ["Google, v3", (k) => two(k, "3e4aef7c3e5d7b8e", "89ce3598c473af1b")],
  ["Firebase, session cookies", (k) => two(k, "8sYjhQ", "tB0M2A")],
  ["Firebase, service accounts as JWK", (k) => two(k, "d8f1b2a0c3", "c4a1e5b9f2")],
  ["Cognito", (k) => two(k, "abcdefghijklmnopqrsexample=", "fgjhlkhjlkhexample=")],
  ["Keycloak", (k) => signs([sig(k.rsa, "FJ86GcF3jTbNLOco4NvZkUCIUmfYCqoqtOQeMfbhNlE", x509(k))], { idle: [{ ...k.rsa2.jwk, kid: "enc-1", use: "enc", alg: "RSA-OAEP", ...x509(k) }] })],
  ["Keycloak with more algorithms", (k) => signs([sig(k.rsa, "rs", x509(k)), sig(k.p256, "es"), sig(k.ed25519, "ed"), sig(k.rsa3, "ps", { alg: "PS256" })], { idle: [{ ...k.rsa2.jwk, kid: "enc", use: "enc", alg: "RSA-OAEP-256" }, { ...k.p384.jwk, kid: "ecdh", use: "enc", alg: "ECDH-ES" }] })],
  ["Apple", (k) => signs([sig(k.rsa, "fh6Bs8C"), sig(k.rsa2, "W6WcOKB"), sig(k.rsa3, "YuyXoY")])],
  ["GitHub Actions", (k) => two(k, "cc413527-173f-5a05-976e-9c52b1d7b431", "38826b17-6a30-5f9b-b169-8beb8202f723", { x5c: k.x5c, x5t: thumb })],
  ["GitLab", (k) => two(k, "kewiQq9jiC84CvSsJYOB-N6A8WFLSV20Mb-y7IlWDSQ", "4i3sFE7sxqNPOT7FdvcGA1ZVGGI_r-tsDXnEuYT4ZqE")],
  ["Bitbucket Pipelines", (k) => one(k, "bitbucket-1")],
  ["CircleCI", (k) => one(k, "e7dd0a17-9a23-4ee1-a5d6-c1a5e5b1f0a3")],
  ["Terraform Cloud", (k) => one(k, "j-fFp9evPJAzV5I2_58HY5UvdCK6Q4LLB1rnPOUfQAk")],
  ["Buildkite", (k) => one(k, "7c0b8a4e")],
  ["kube-apiserver", (k) => one(k, "SGVsbG8tdGhpcy1pcy1h")],
  ["kube-apiserver with an EC key", (k) => signs([sig(k.p256, "b2xkLWVjLWtleQ")])],
  ["kube-apiserver in the middle of a rotation", (k) => two(k, "bmV3", "b2xk")],
  ["EKS", (k) => two(k, "f71c24d1ac5c8e3dd0c5", "a3b1c9e2d4f6a8b0c2d4")],
  ["GKE", (k) => two(k, "xT1yPq", "m0Zk3w")],
  ["AKS", (k) => two(k, "aks-1", "aks-2")],
  ["OpenShift", (k) => one(k, "oc-bound-sa-1")],
  ["PingFederate", (k) => signs([withoutAlg(k.rsa, "k1"), withoutAlg(k.p256, "k2"), withoutAlg(k.p384, "k3"), withoutAlg(k.p521, "k4")])],
  ["PingOne", (k) => signs([withoutAlg(k.rsa, "default", { x5c: k.x5c, x5t: thumb })])],
  ["OneLogin", (k) => signs([withoutAlg(k.rsa, "JRcO4nxs5jgc8YdN7I2hLO4V_ql1bdoiMXmcYgHm4Hs")])],
  ["Ory Hydra", (k) => one(k, "public:hydra.openid.id-token")],
  ["Ory Hydra 2", (k) => two(k, "7c8f2e7a-93f5-4c07-9c27-2d4c4a1f0f52", "b2d6a1c0-2e5b-4f8e-9a3c-1d0e9f8a7b6c")],
  ["Zitadel", (k) => two(k, "278394720394857234", "278394720394857999")],
  ["Zitadel before its first login", (k) => answers('{"keys":[]}', sig(k.rsa, "278394720394857234"))],
  ["SPIRE OIDC discovery provider", (k) => signs([listed(k.p256, { use: "sig", kid: "RzLmKvTQzyqZmLy", alg: "ES256" })])],
  ["SPIRE OIDC discovery provider without use", (k) => signs([listed(k.p256, { kid: "RzLmKvTQzyqZmLy", alg: "ES256" })])],
  ["LINE", (k) => signs([sig(k.p256, "c8ef6d2e"), sig(k.p256b, "a1b2c3d4")])],
  ["Yahoo", (k) => signs([sig(k.p256, "3466d51f7dd0c780565688c183921816c45889ad"), sig(k.rsa, "2f1a")])],
  ["Salesforce", (k) => signs([sig(k.rsa, "266"), sig(k.rsa2, "264"), sig(k.rsa3, "262")])],
  ["Curity", (k) => one(k, "-38074812", x509(k))],
  ["dex", (k) => two(k, "cb2ccc5d6ed4b1e5", "0d3a6f5e1c")],
  ["Authelia", (k) => signs([sig(k.rsa, "main"), sig(k.p256, "second")])],
  ["authentik", (k) => one(k, "af0b3f9d2c", x509(k))],
  ["FusionAuth", (k) => one(k, "5j3kC2b1aXQ", { x5c: k.x5c, x5t: thumb, "x5t#S256": thumb })],
  ["Supabase", (k) => signs([listed(k.p256, { alg: "ES256", ext: true, key_ops: ["verify"], use: "sig", kid: "6a1b8b06-cc3b-4a51-8c3d-2d1d9f0a1b2c" })])],
  ["Clerk", (k) => one(k, "ins_2aBcDeFgHiJkLmNoPqRsTuVwXyZ")],
  ["WorkOS", (k) => one(k, "sso_oidc_key_pair_01HXYZ", { x5c: k.x5c, "x5t#S256": thumb })],
  ["Stytch", (k) => one(k, "jwk-live-00000000-0000-0000-0000-000000000000", { key_ops: ["verify"], x5c: k.x5c, "x5t#S256": thumb })],
  ["Descope", (k) => one(k, "SK2aBcDeFgHiJk")],
  ["FrontEgg", (k) => one(k, "d9db8b2e")],
  ["Facebook Limited Login", (k) => two(k, "5931db0db51d6a3b", "9bba2a0b0f0d")],
  ["Slack", (k) => one(k, "mB2MAyKSn555isd0EbdhKx6nkyAi9xLq8rvCEb_nOyY")],
  ["Twitch", (k) => one(k, "1", { e: "AQAB" })],
  ["LinkedIn", (k) => one(k, "d929668a-bab1-4c69-9598-4373149723ff")],
  ["Duende IdentityServer", (k) => signs([sig(k.rsa, "B71C9CB9D20A32E4D4E1F0A1B2C3D4E5RS256", x509(k))])],
  ["OpenIddict", (k) => one(k, "E0A1F2B3C4", { x5t: thumb, x5c: k.x5c })],
  ["Spring Authorization Server", (k) => signs([listed(k.rsa, { kid: "f5b4c0a6-1f7e-4b8b-9f0a-6d8a5c3e2b1d" })])],
  ["node oidc-provider", (k) => signs([sig(k.rsa, "r1LkbBo3925Rb2ZFFrKyU3MVex9T2817Kx0vbi6i_Kc"), sig(k.p256, "FyFVVHb3-lQ0"), sig(k.ed25519, "lpc7SdGpUrcCt0PBIyTNK-OAlnY3q3lwZ_mLZ9pqsJA")])],
  ["Cloudflare Access", (k) => signs([sig(k.rsa, "7b5f5a2c"), sig(k.rsa2, "9a1d3e4f")], { beside: { public_cert: { kid: "7b5f5a2c", cert: k.certificate }, public_certs: [{ kid: "7b5f5a2c", cert: k.certificate }] } })],
  ["HashiCorp Vault", (k) => two(k, "1f0b6c2e-7d2b-bd1f-3c0a-7b8e4f6a9d10", "9d1c4e7f-2b3a-5c6d-8e9f-0a1b2c3d4e5f")],
  ["WSO2 Identity Server", (k) => signs([sig(k.rsa, "MTAxZGNkNDFkYzA0_RS256", { x5c: k.x5c, "x5t#S256": thumb })], { idle: [{ ...k.rsa2.jwk, kid: "NTAxZGNk_ENC", use: "enc", alg: "RSA-OAEP" }] })],
  ["ForgeRock AM", (k) => signs([listed(k.rsa, { kid: "wU3ifIIaLOUAReRB/FG6eM1P1QM=", use: "sig", x5t: thumb, x5c: k.x5c, alg: "RS256" }), sig(k.p256, "I4x/IijvdDsUZMghwNq2gC/7pYQ=", { x5t: thumb })], { idle: [{ ...k.rsa2.jwk, kid: "enc/1=", use: "enc", alg: "RSA-OAEP" }] })],
  ["Pomerium", (k) => signs([sig(k.p256, "5b419ade1895fec2d2def6cd33b1b9a0", { use: "sig" })])],
  ["Teleport of old, without kid", (k) => signs([listed(k.rsa, { use: "sig", alg: "RS256" })])],
  ["AWS load balancer's controller (user claims, ES256)", (k) => signs([sig(k.p256, "0b1c2d3e-4f5a-6b7c-8d9e-0f1a2b3c4d5e")])],
  ["Kubernetes from 1.34 with an external signer", (k) => signs([sig(k.rsa, "ext-1"), sig(k.p384, "ext-2")])],
  ["GOV.UK One Login", (k) => signs([sig(k.p256, "644af598b780f54106ca0f3c017341bc230c4f8373f35f32e18e3e40cc7acff6")], { beside: {} })],
  ["BankID", (k) => signs([sig(k.rsa, "bid-1", { x5c: k.x5c })], { idle: [{ ...k.rsa2.jwk, kid: "bid-2", use: "enc" }] })],
  ["SwissID, PS256", (k) => signs([sig(k.rsa, "swiss", { alg: "PS256" })])],
  ["Tailscale's tsidp", (k) => one(k, "8129304982384957")],
];
