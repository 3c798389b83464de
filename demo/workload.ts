/** The example application, run as a process here: there are no nodes that could run its pod. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "#testbed/control-plane/ports";
import { spawnKept } from "#testbed/control-plane/lifeline";
import { isReady } from "./reader.ts";
import type { Reader } from "./reader.ts";
import type { Scene } from "./scene.ts";

const STOPS_WITHIN_MS = 5_000;
const PROGRAM = "examples/workload/orders.ts";

export async function runWorkload({ stage, read, servers, directory, env }: Scene): Promise<void> {
  stage.heading("Workloads read an ordinary Secret");
  await stage.run("kubectl apply -n dev -f examples/custom.yaml -f examples/workload/");
  await stage.fact("All three AppSecrets in dev are published.", async () => {
    const all = await read.appSecrets("dev");
    return all.length === 3 && all.every(isReady);
  });
  const { stdout } = await stage.run("kubectl describe secret orders-db -n dev");
  await stage.fact(
    "Secret orders-db has the database name and the connection string. No value was printed.",
    async () => {
      const { uri } = (await read.secret("dev", "mongodb-credentials")).values;
      const { values } = await read.secret("dev", "orders-db");
      const isRight = values["DATABASE_NAME"] === "orders" && uri !== undefined && values["MONGODB_URI"] === uri;
      return isRight && Object.keys(values).length === 2 && !stdout.includes(uri);
    },
  );

  if (!servers.database.keepsData) {
    stage.say(
      "The demo skips the example application: it stores visits in the database, and this stand-in stores nothing.",
    );
    return;
  }
  stage.say(
    "There are no nodes, so no pod starts. The demo runs the program with the environment and files of its pod:",
  );
  await writeAsPodGetsThem(read, directory);
  const port = await freePort();
  stage.command(`NODE_EXTRA_CA_CERTS=$DEMO/ca.pem SETTINGS_DIR=$DEMO/pod/orders \\
    HOST=127.0.0.1 PORT=${port} \\
    node --env-file=$DEMO/pod/env ${PROGRAM}`);
  const program = await spawnKept(process.execPath, [`--env-file=${join(directory, "pod/env")}`, PROGRAM], {
    env: {
      ...env,
      NODE_EXTRA_CA_CERTS: join(directory, "ca.pem"),
      SETTINGS_DIR: join(directory, "pod/orders"),
      HOST: "127.0.0.1",
      PORT: String(port),
    },
    output: { file: join(directory, "orders.log") },
  });
  try {
    const url = `http://127.0.0.1:${port}/`;
    await stage.fact(`The program answers at ${url}.`, () =>
      fetch(`${url}healthz`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    const stranger = await ask(url);
    stage.say(`    without a token   ${stranger.status}   ${stranger.body}`);
    const known = await ask(url, await servers.login.issueToken({ audience: "orders-api" }));
    stage.say(`    with a token      ${known.status}   ${known.body}`);
    await stage.fact(
      "It accepts only tokens of the login provider, counts visits in its database and reads its settings.",
      () => stranger.status === 401 && known.status === 200 && /"visits":1,.*new-checkout/.test(known.body),
    );
  } finally {
    await program.stop("SIGTERM", STOPS_WITHIN_MS);
  }
}

/** As deployment.yaml says it: two as environment variables, one as files. */
async function writeAsPodGetsThem(read: Reader, directory: string): Promise<void> {
  const files = join(directory, "pod/orders");
  await mkdir(files, { recursive: true, mode: 0o700 });
  const { values: login } = await read.secret("dev", "orders-login");
  const { values: database } = await read.secret("dev", "orders-db");
  const variables = Object.entries({ ...login, ...database }).map(([name, value]) => `${name}="${value}"\n`);
  await writeFile(join(directory, "pod/env"), variables.join(""), { mode: 0o600 });
  const { values: settings } = await read.secret("dev", "orders-settings");
  for (const [name, value] of Object.entries(settings)) await writeFile(join(files, name), value, { mode: 0o600 });
}

async function ask(url: string, token?: string): Promise<{ status: number; body: string }> {
  const reply = await fetch(url, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });
  return { status: reply.status, body: (await reply.text()).trim() };
}
