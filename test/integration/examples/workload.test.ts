/** The example application, as it is in its image, with a real login provider and a real database. */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { MongoClient } from "mongodb";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CLIENT, startLoginProvider } from "#testbed/servers/login-provider";
import type { LoginProvider } from "#testbed/servers/login-provider";
import { startMongoDB } from "#testbed/servers/mongodb";
import type { MongoDB } from "#testbed/servers/mongodb";
import { createCertificateAuthority } from "#testbed/servers/tls";

const USER = { name: "orders", password: "canary-7f3e" };
const ca = createCertificateAuthority();

let directory: string;
let program: string;
let provider: LoginProvider;
let stranger: LoginProvider;
let database: MongoDB;
let app: ChildProcess;
let errors: Promise<string>;
let url: string;

function environment(): NodeJS.ProcessEnv {
  return {
    PATH: process.env["PATH"],
    NODE_EXTRA_CA_CERTS: join(directory, "ca.pem"),
    SETTINGS_DIR: directory,
    HOST: "127.0.0.1",
    PORT: "0",
    JWKS_URI: provider.jwksUri,
    AUDIENCE: "orders-api",
    MONGODB_URI: database.uri(USER),
    DATABASE_NAME: "orders",
  };
}

/** By the command of its Dockerfile. The file needs nothing of this checkout. */
async function bundle(file: string): Promise<string> {
  const [, command] = /^RUN (\[".*esbuild".*\])$/m.exec(await readFile("examples/workload/Dockerfile", "utf8")) ?? [];
  const [path = "", ...args] = JSON.parse(command ?? "[]") as string[];
  assert.ok(args.includes("--outfile=/app/orders.cjs"));
  const { status, stderr } = spawnSync(path, [...args, `--outfile=${file}`], { encoding: "utf8" });
  assert.is(status, 0, stderr);
  return file;
}

test.before(async () => {
  directory = await mkdtemp(join(tmpdir(), "orders-"));
  program = await bundle(join(directory, "orders.cjs"));
  await writeFile(join(directory, "ca.pem"), ca.caPem);
  await writeFile(join(directory, "FEATURE_FLAGS"), "new-checkout,fast-search");
  [provider, stranger, database] = await Promise.all([
    startLoginProvider({ ca }),
    startLoginProvider({ ca }),
    startMongoDB({
      users: { [USER.name]: { password: USER.password, databases: ["orders"] } },
      tls: ca.issue({ hosts: ["127.0.0.1"] }),
    }),
  ]);
  const child = spawn(process.execPath, [program], { env: environment(), stdio: ["ignore", "pipe", "pipe"] });
  app = child;
  errors = text(child.stderr);
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  url = /http:\S+(?=,)/.exec(line)?.[0] ?? "";
});

test.after(async () => {
  app.kill("SIGKILL");
  await Promise.all([provider.stop(), stranger.stop(), database.stop()]);
  await rm(directory, { recursive: true });
});

async function ask(token?: string, path = "/"): Promise<{ status: number; body: Record<string, unknown> }> {
  const reply = await fetch(url + path, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });
  return { status: reply.status, body: (await reply.json()) as Record<string, unknown> };
}

const issueToken = (audience = "orders-api", from = provider) => from.issueToken({ audience });

test("it is healthy without anybody's token", async () => {
  assert.equal(await ask(undefined, "/healthz"), { status: 200, body: { status: "ok" } });
});

test("with a token for it, it writes and reads its database and its settings", async () => {
  const token = await issueToken();
  const body = { subject: CLIENT, features: ["new-checkout", "fast-search"] };
  assert.equal(await ask(token), { status: 200, body: { ...body, visits: 1 } });
  assert.equal(await ask(token), { status: 200, body: { ...body, visits: 2 } });
  const client = new MongoClient(database.uri(USER), { ca: ca.caPem });
  try {
    const found = await client.db("orders").collection("visitors").find({}).toArray();
    assert.equal(found, [{ _id: CLIENT, visits: 2 }]);
  } finally {
    await client.close();
  }
});

const refused: [what: string, token: () => Promise<string | undefined>][] = [
  ["no token", async () => undefined],
  ["a token for another audience", () => issueToken("billing-api")],
  ["a token of another login provider", () => issueToken("orders-api", stranger)],
  [
    "a token that has expired",
    async () => {
      const token = await provider.issueToken({ audience: "orders-api", seconds: 1 });
      await sleep(2_000);
      return token;
    },
  ],
  ["a token that says other than what was signed", async () => withSubject(await issueToken(), "admin")],
  ["what is no token at all", async () => "orders-api"],
];

for (const [what, token] of refused) {
  test(`${what}: 401`, async () => {
    const { status, body } = await ask(await token());
    assert.is(status, 401);
    assert.equal(body, { error: "A valid token is needed." });
  });
}

function withSubject(token: string, sub: string): string {
  const [header, payload = "", signature] = token.split(".");
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as object;
  return [header, Buffer.from(JSON.stringify({ ...claims, sub })).toString("base64url"), signature].join(".");
}

test("a changed setting is seen without a restart", async () => {
  await writeFile(join(directory, "FEATURE_FLAGS"), "slow-search");
  assert.equal((await ask(await issueToken())).body["features"], ["slow-search"]);
});

test("without its database it says so, keeps the password to itself, and goes on when it is back", async () => {
  const token = await issueToken();
  await database.goDown();
  assert.is((await ask(token)).status, 503);
  await database.comeBack();
  assert.is((await ask(token)).status, 200);
});

test("it ends when it is told to, and has printed no value", async () => {
  const exit = once(app, "exit");
  app.kill("SIGTERM");
  assert.equal(await exit, [0, null]);
  assert.match(await errors, /^A request failed: Mongo\w+\n$/);
});

test("without one of its values it does not start, and names it", async () => {
  const { MONGODB_URI: _, ...env } = environment();
  const child = spawn(process.execPath, [program], { env, stdio: ["ignore", "ignore", "pipe"] });
  const [printed, exit] = await Promise.all([text(child.stderr), once(child, "exit")]);
  assert.equal(exit, [1, null]);
  assert.is(printed, "MONGODB_URI is not set.\n");
});

test.run();
