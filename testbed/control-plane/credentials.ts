/**
 * Who may talk to the local API server, without openssl and without a certificate library.
 *
 * kube-apiserver makes its own serving certificate in --cert-dir, signed by a CA of its own that comes second in the
 * file. People and kube-controller-manager come in with tokens of --token-auth-file; ServiceAccount tokens are signed with
 * a key made here.
 */
import { generateKeyPair, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

export type Credentials = {
  adminToken: string;
  tokenFile: string;
  serviceAccountKey: string;
  serviceAccountPublicKey: string;
};

/** Writes new tokens and keys (mode 0600) into `directory`. */
export async function writeCredentials(directory: string): Promise<Credentials> {
  const adminToken = randomBytes(24).toString("hex");
  const { privateKey, publicKey } = await promisify(generateKeyPair)("ec", { namedCurve: "P-256" });
  const credentials = {
    adminToken,
    tokenFile: join(directory, "tokens.csv"),
    serviceAccountKey: join(directory, "service-account.key"),
    serviceAccountPublicKey: join(directory, "service-account.pub"),
  };
  const write = (path: string, text: string | Buffer) => writeFile(path, text, { mode: 0o600 });
  await write(credentials.tokenFile, `${adminToken},admin,admin,"system:masters"\n`);
  await write(credentials.serviceAccountKey, privateKey.export({ type: "sec1", format: "pem" }));
  await write(credentials.serviceAccountPublicKey, publicKey.export({ type: "spki", format: "pem" }));
  return credentials;
}

/** The CA of the certificate that kube-apiserver made for itself: the last one in its file. PEM. */
export async function readCertificateAuthority(certificatePath: string): Promise<string> {
  const all = (await readFile(certificatePath, "utf8")).match(
    /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g,
  );
  return `${all?.at(-1) ?? ""}\n`;
}

/** A kubeconfig (JSON is YAML) with one cluster and one user, who authenticates by a token. */
export function kubeconfig(options: { server: string; certificateAuthority: string; token: string }): string {
  const cluster = {
    server: options.server,
    "certificate-authority-data": Buffer.from(options.certificateAuthority).toString("base64"),
  };
  const name = "local";
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster }],
    users: [{ name: "admin", user: { token: options.token } }],
    contexts: [{ name, context: { cluster: name, user: "admin" } }],
    "current-context": name,
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
