/**
 * What the libraries do with the HTTP answer around a good key set, and what our check says of it: a No where all refuse, a Yes
 * where all verify. The table is the promise; when a new version of a library changes it, our check has to follow.
 */
import type { ServerResponse } from "node:http";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createKeySets } from "../corpora/jwks/index.ts";
import { askLibraries } from "./clients/jwks-libraries.ts";
import { ensurePython } from "./clients/python.ts";
import { signature } from "./compare-key-sets.ts";
import { createCertificateAuthority } from "#testbed/servers/tls";
import { createJwksCheck } from "#verify/jwks/jwks";
import { createHttpClient } from "#verify/network/http";
import { egressFor } from "#support/verify/egress";
import { startSite } from "#support/verify/sites";

const python = await ensurePython();
const ca = createCertificateAuthority();
const { signal } = new AbortController();
const { body, tokens } = createKeySets()[0]!;
const bytes = Buffer.from(body);

type Respond = (response: ServerResponse, url: string) => void;
const encoded =
  (encoding: string, content: Buffer): Respond =>
  (response) =>
    response.writeHead(200, { "content-type": "application/json", "content-encoding": encoding }).end(content);
const typed =
  (type?: string): Respond =>
  (response) =>
    response.writeHead(200, type === undefined ? {} : { "content-type": type }).end(body);
const status =
  (code: number): Respond =>
  (response) =>
    response.writeHead(code, { "content-type": "application/json" }).end(body);
/** To the same path with a slash, where the key set is. */
const redirect =
  (code: number): Respond =>
  (response, url) =>
    url.endsWith("/keys/")
      ? typed("application/json")(response, url)
      : response.writeHead(code, { location: `${url}/` }).end();

/** jose, jwks-rsa, PyJWT: V verifies, R refuses. */
// prettier-ignore
const TRANSPORTS: readonly (readonly [what: string, libraries: string, respond: Respond])[] = [
  ["200, application/json", "VVV", typed("application/json")],
  ["application/jwk-set+json", "VVV", typed("application/jwk-set+json")],
  ["text/plain", "VVV", typed("text/plain")],
  ["text/html", "VVV", typed("text/html; charset=utf-8")],
  ["application/octet-stream", "VVV", typed("application/octet-stream")],
  ["no content type", "VVV", typed()],
  ["charset=utf-16 with a body in UTF-8", "VVV", typed("application/json; charset=utf-16")],
  ["301 to the path with a slash", "RRR", redirect(301)],
  ["302", "RRR", redirect(302)],
  ["303", "RRR", redirect(303)],
  ["307", "RRR", redirect(307)],
  ["308", "RRR", redirect(308)],
  ["201", "RVV", status(201)],
  ["203", "RVV", status(203)],
  ["206", "RVV", status(206)],
  ["403 with a good body", "RRR", status(403)],
  ["404 with a good body", "RRR", status(404)],
  ["500 with a good body", "RRR", status(500)],
  ["content-encoding: gzip, unasked", "VRR", encoded("gzip", gzipSync(bytes))],
  ["content-encoding: GZIP", "VRR", encoded("GZIP", gzipSync(bytes))],
  ["content-encoding: x-gzip", "VRR", encoded("x-gzip", gzipSync(bytes))],
  ["content-encoding: br, unasked", "VRR", encoded("br", brotliCompressSync(bytes))],
  ["content-encoding: deflate, unasked", "VRR", encoded("deflate", deflateSync(bytes))],
  ["content-encoding: deflate without zlib's header", "VRR", encoded("deflate", deflateRawSync(bytes))],
  ["content-encoding: zstd, unasked", "VRR", encoded("zstd", zstdCompressSync(bytes))],
  ["content-encoding: gzip, br", "VRR", encoded("gzip, br", brotliCompressSync(gzipSync(bytes)))],
  ["content-encoding: identity", "VVV", encoded("identity", bytes)],
  ["content-encoding: aws-chunked with a plain body", "VVV", encoded("aws-chunked", bytes)],
  ["content-encoding: utf-8 with a plain body", "VVV", encoded("utf-8", bytes)],
  ["content-encoding: UTF-8 with a plain body", "VVV", encoded("UTF-8", bytes)],
  ["content-encoding: binary with a plain body", "VVV", encoded("binary", bytes)],
  ["content-encoding: none with a plain body", "VVV", encoded("none", bytes)],
  ["an empty content-encoding", "VVV", encoded("", bytes)],
  ["content-encoding: aws-chunked, gzip", "RRR", encoded("aws-chunked, gzip", gzipSync(bytes))],
  ["content-encoding: gzip with a plain body", "RVV", encoded("gzip", bytes)],
  ["gzip without content-encoding", "RRR", (response) => response.writeHead(200).end(gzipSync(bytes))],
];

/** Our check. Over TLS, since it takes no other URL. */
async function ask(respond: Respond): Promise<string> {
  const site = await startSite(ca.issue({ hosts: ["127.0.0.1"] }), (request, response) =>
    respond(response, request.url ?? ""),
  );
  const http = createHttpClient(egressFor("JWKS", { allow: ["127.0.0.0/8"], caBundle: () => ca.caPem }));
  const uri = `https://127.0.0.1:${site.port}/keys`;
  const { answer } = await createJwksCheck({ http })({ kind: "JWKS", uri }, { signal, fresh: false });
  await Promise.all([http.close(), site.close()]);
  return answer;
}

const outcomes = await askLibraries(
  TRANSPORTS.map(([, , respond]) => ({ respond, tokens })),
  "path" in python ? python.path : undefined,
);

for (const [index, [what, expected]] of TRANSPORTS.entries()) {
  test(`${what}: ${expected}`, () => {
    const found = signature(outcomes[index]!);
    // Without Python the last library has no say.
    assert.is(found, "missing" in python ? `${expected.slice(0, 2)}-` : expected);
  });
}

const ours = await Promise.all(TRANSPORTS.map(([, , respond]) => ask(respond)));
const agrees = ([, libraries]: (typeof TRANSPORTS)[number], answer: string | undefined): boolean => {
  if (libraries === "RRR") return answer === "No";
  return answer === "Yes" || (answer === "Unverifiable" && libraries !== "VVV");
};
const agreeing = TRANSPORTS.filter((transport, index) => agrees(transport, ours[index])).length;

test(`our check agrees with the libraries on ${agreeing} of ${TRANSPORTS.length} answers`, () => {
  const differing = TRANSPORTS.filter((transport, index) => !agrees(transport, ours[index])).map(([what]) => what);
  assert.equal(differing, []);
});

test.run();
