/**
 * An application that reads three published Secrets and knows nothing about AppSecrets.
 *
 * It answers a request that has a valid token (`authorization: Bearer …`) with the number of the user's visits, which it
 * keeps in MongoDB.
 *
 *     JWKS_URI=… AUDIENCE=… MONGODB_URI=… DATABASE_NAME=… SETTINGS_DIR=/etc/orders node examples/workload/orders.ts
 *
 * It also reads HOST, PORT (0 for a free one) and, as every Node program does, NODE_EXTRA_CA_CERTS.
 */
import { readFile, readdir } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";
import { MongoClient } from "mongodb";

type Visitor = { _id: string; visits: number };

const ANSWERS_WITHIN_MS = 5_000;

// Two Secrets by `envFrom`: their values are those of the moment at which the process started.
const audience = required("AUDIENCE");
const keySet = createRemoteJWKSet(new URL(required("JWKS_URI")), { timeoutDuration: ANSWERS_WITHIN_MS });
const mongodb = new MongoClient(required("MONGODB_URI"), { serverSelectionTimeoutMS: ANSWERS_WITHIN_MS });
const visitors = mongodb.db(required("DATABASE_NAME")).collection<Visitor>("visitors");
// The third by volume: the kubelet updates its files.
const settings = required("SETTINGS_DIR");

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") {
    console.error(`${name} is not set.`);
    process.exit(1);
  }
  return value;
}

/** The current value of a setting; empty if it does not exist. */
async function setting(name: string): Promise<string> {
  return readFile(join(settings, name), "utf8").catch(() => "");
}

/** The user that the token was issued to; undefined if it is not from the login provider, for another audience, or expired. */
async function authenticate({ headers }: IncomingMessage): Promise<string | undefined> {
  const [, token] = /^Bearer (.+)$/i.exec(headers.authorization ?? "") ?? [];
  if (token === undefined) return undefined;
  try {
    const { payload } = await jwtVerify(token, keySet, { audience, requiredClaims: ["exp", "sub"] });
    return payload.sub;
  } catch (error) {
    if (isProvidersFault(error)) throw error;
    return undefined;
  }
}

/** The login provider did not answer, or not with keys. That says nothing about the token. */
function isProvidersFault(error: unknown): boolean {
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) return true;
  return !(error instanceof errors.JOSEError) || error.code === errors.JOSEError.code;
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url === "/healthz") {
    send(response, 200, { status: "ok" });
    return;
  }
  const subject = await authenticate(request);
  if (subject === undefined) {
    response.setHeader("www-authenticate", "Bearer");
    send(response, 401, { error: "A valid token is needed." });
    return;
  }
  const visitor = await visitors.findOneAndUpdate(
    { _id: subject },
    { $inc: { visits: 1 } },
    { upsert: true, returnDocument: "after" },
  );
  const features = (await setting("FEATURE_FLAGS")).split(",").filter((name) => name !== "");
  send(response, 200, { subject, visits: visitor?.visits, features });
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(body)}\n`);
}

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    // The name only: a driver's message can contain the whole connection string.
    console.error(`A request failed: ${error instanceof Error ? error.name : "unknown"}`);
    send(response, 503, { error: "The login provider or the database does not answer." });
  });
});

server.listen(Number(process.env["PORT"] ?? 8080), process.env["HOST"], () => {
  const { address, family, port } = server.address() as AddressInfo;
  const host = family === "IPv6" ? `[${address}]` : address;
  console.log(`Listening on http://${host}:${port}, for tokens to ${audience}.`);
  void readdir(settings).then(
    (names) => console.log(`Settings: ${names.filter((name) => !name.startsWith(".")).join(", ")}.`),
    () => console.error(`There are no settings in ${settings}.`),
  );
});

process.once("SIGTERM", () => {
  server.close(() => void mongodb.close());
  server.closeIdleConnections();
});
