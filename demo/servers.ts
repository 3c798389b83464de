/** The servers of the live checks, on this machine: a login provider, a database, a stand-in for the Atlas Admin API. */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startAtlas } from "#testbed/servers/atlas";
import { startLoginProvider } from "#testbed/servers/login-provider";
import type { LoginProvider } from "#testbed/servers/login-provider";
import { startMongoDB } from "#testbed/servers/mongodb";
import type { MongoDB } from "#testbed/servers/mongodb";
import { createCertificateAuthority } from "#testbed/servers/tls";

export type Servers = {
  login: LoginProvider;
  database: MongoDB;
  /** The operator needs these to reach them. */
  operatorFlags: readonly string[];
  /** What they are and where, for people: name, address, description. */
  table: readonly (readonly [name: string, address: string, what: string])[];
  stop(): Promise<void>;
};

const FERRETDB = "FerretDB, a MongoDB server";
const STAND_IN = "stand-in without data (install Go for FerretDB)";
const PROJECT = "64f0c0ffee0c0ffee0c0ffee";

/**
 * Starts them, and writes what a person needs to use them into the directory `$DEMO`: `local.sed`, `ca.pem` and
 * `atlas-key/`. The first time on a machine the database is built with Go, which is announced on stderr.
 *
 * @throws {ControlPlaneError} when the database cannot be built or started, though there is Go
 */
export async function startServers(directory: string): Promise<Servers> {
  const ca = createCertificateAuthority();
  const publicKey = "demo-key";
  const privateKey = randomUUID();
  const password = await passwordOfExample();
  const user = { password, databases: ["orders"] };
  // The longest first: it may be built, and may fail.
  const database = await startMongoDB({ users: { orders: user, "orders-2": user }, orWithoutData: true });
  const [login, atlas] = await Promise.all([
    startLoginProvider({ ca }),
    startAtlas({
      certificate: ca.issue({ hosts: ["127.0.0.1"] }),
      keys: { [publicKey]: { privateKey, projects: [PROJECT] } },
      projects: {
        [PROJECT]: {
          "orders-production": { stateName: "IDLE" },
          "orders-archive": { stateName: "IDLE", paused: true },
        },
      },
    }),
  ]);
  const keyFiles = join(directory, "atlas-key");
  await mkdir(keyFiles, { mode: 0o700 });
  await Promise.all([
    writeFile(join(directory, "local.sed"), localSed(login.jwksUri, `127.0.0.1:${database.port}`)),
    writeFile(join(directory, "ca.pem"), ca.caPem),
    writeFile(join(keyFiles, "public-key"), publicKey),
    writeFile(join(keyFiles, "private-key"), privateKey, { mode: 0o600 }),
  ]);
  return {
    login,
    database,
    operatorFlags: [
      "--egress-allow=127.0.0.0/8,::1/128",
      "--ca-bundle=$DEMO/ca.pem",
      `--atlas-base-url=${atlas.baseUrl}`,
    ],
    table: [
      ["Login provider", login.issuer, "oidc-provider, with its own CA"],
      ["Database", `127.0.0.1:${database.port}`, database.keepsData ? FERRETDB : STAND_IN],
      ["Atlas API", atlas.baseUrl, "stand-in for cloud.mongodb.com"],
    ],
    async stop() {
      await Promise.all([login.stop(), database.stop(), atlas.close()]);
    },
  };
}

/** The examples name hosts for people to replace; `sed -f` with this puts the servers of the demo in their place. */
function localSed(jwksUri: string, mongodb: string): string {
  return `s|https://id.example.com/.well-known/jwks.json|${jwksUri}|
s|mongodb.example.com:27017|${mongodb}|
# databaseUser needs a reachable Atlas cluster, and there is none here:
/databaseUser:/,/username:/d
`;
}

/** The database lets in who has the example's password: no command of the demo has to name one. */
async function passwordOfExample(): Promise<string> {
  const [, password] = /mongodb:\/\/orders:([^@]+)@/.exec(await readFile("examples/database.yaml", "utf8")) ?? [];
  if (password === undefined) throw new Error("examples/database.yaml has no connection string of the user orders");
  return password;
}
