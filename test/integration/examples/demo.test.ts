import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { runKubectl } from "#testbed/control-plane/kubectl";
import { eventually } from "#support/operator/eventually";

/** `make demo` on a control plane of its own: what it exits with, and what it leaves. */
let directory: string;
test.before.each(async () => {
  directory = await mkdtemp(join(tmpdir(), "demo-"));
});
test.after.each(async () => {
  await rm(directory, { recursive: true });
});

function start(more: Record<string, string> = {}) {
  const child = spawn(process.execPath, ["demo/main.ts"], {
    env: { ...process.env, USE_EXISTING_CLUSTER: "", TMPDIR: directory, ...more },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  child.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  const errors = text(child.stderr);
  const exit = once(child, "close").then(([code]) => code as number | null);
  return { child, exit, errors, printed: () => printed };
}

/** No process that has to do with the demo's directories is left, and no file in them. */
async function nothingIsLeft(): Promise<void> {
  const child = spawn("ps", ["-eo", "args"], { stdio: ["ignore", "pipe", "ignore"] });
  const left = (await text(child.stdout)).split("\n").filter((line) => line.includes(directory));
  assert.equal(left, []);
  assert.equal(await readdir(directory), []);
}

/** What no AppSecret's mistake says of itself, and a server does. The messages tell what to do. */
const KINDS = [
  {
    what: "Login provider",
    row: /^ +dev +orders-login +Authentication +True +True +Published +orders-login /m,
    refused: ["RejectedNotJWKS", "Check the path in jwksUri"],
    broken: ["RejectedHTTPStatus", "Check the path in jwksUri"],
  },
  {
    what: "Database",
    row: /^ +dev +orders-db +Database +True +True +Published +orders-db /m,
    refused: ["RejectedAuthentication", "Compare user name, password and authSource"],
    broken: ["RejectedNotAuthorized", "Grant a role there, or correct the database's name"],
  },
  {
    what: "Atlas",
    row: /^ +production +orders-db +Database +True +True +Published +orders-db /m,
    refused: ["RejectedCluster", "Check clusterName"],
    broken: ["RejectedClusterPaused", "Resume it in Atlas"],
  },
] as const;

test("without a terminal it runs through, every fact is true, and nothing is left", async () => {
  const demo = start();
  assert.is(await demo.exit, 0, (await demo.errors) + demo.printed());
  assert.not.match(await demo.errors, "oidc-provider", "a notice for the provider's developers");
  const printed = demo.printed();
  assert.match(printed, /The demo checked each of the \d+ facts marked ✔\./);
  assert.not.match(printed, "\x1b[");
  for (const value of ["not-a-real-password", "sk_test_not_a_real_key", /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/]) {
    assert.not.match(printed, value);
  }
  const [, mistakes = "", repaired = "", broken = ""] =
    /^Three mistakes(.*)^Fixed(.*)^A broken update(.*)^The database goes down/ms.exec(printed) ?? [];
  for (const { what, row, refused, broken: update } of KINDS) {
    const [refusal, toDo] = refused;
    assert.match(told(mistakes, `✔ ${what}: ${refusal}. Nothing is published.`), toDo);
    assert.match(repaired, row);
    const [reason, advice] = update;
    const fact = new RegExp(`✔ ${what}: ${reason}\\. Secret orders-\\w+ is unchanged, at resource version \\d+\\.`);
    assert.match(told(broken, fact.exec(broken)?.[0]), advice);
    assert.match(told(broken, fact.exec(broken)?.[0]), /Secret "orders-\w+" still holds generation \d\./);
  }
  assert.match(printed, /without a token +401 .*\n +with a token +200 /);
  await nothingIsLeft();
});

/** The status message behind a fact, on one line. */
function told(scene: string, fact: string | undefined): string {
  const [, after = ""] = fact === undefined ? [] : scene.split(fact);
  const [, message = ""] = /^\n\$ kubectl get appsecret .*\n {4}-o .*\n((?: {4}.*\n)+)/.exec(after) ?? [];
  return message.replaceAll(/\s+/g, " ");
}

test("what does not come true is named, with the operator's log, and nothing is left", async () => {
  const demo = start({ APPSECRET_OFFLINE: "true" });
  assert.is(await demo.exit, 1, demo.printed());
  const errors = await demo.errors;
  const fact = "Login provider: RejectedNotJWKS. Nothing is published.";
  assert.match(errors, `✘ The demo expected this, and it did not happen: ${fact}\n\nThe operator's log ends with:\n{`);
  assert.not.match(demo.printed(), "facts marked");
  await nothingIsLeft();
});

test("Ctrl-C in the middle of it ends all that it started", async () => {
  const demo = start();
  await eventually(() => assert.match(demo.printed(), "The operator is ready"), 60_000);
  demo.child.kill("SIGINT");
  assert.is(await demo.exit, 130, demo.printed());
  assert.is(await demo.errors, "");
  await nothingIsLeft();
});

test("when the operator exits, the demo says so and shows its log, and nothing is left", async () => {
  const demo = start();
  await eventually(() => assert.match(demo.printed(), "The operator is ready"), 60_000);
  const [, log = ""] = /\$DEMO is (\S+)\.\n/.exec(demo.printed()) ?? [];
  const [, port = ""] = /--metrics-address=\S+:(\d+)/.exec(demo.printed()) ?? [];
  const ps = await text(spawn("ps", ["-eo", "pid,args"], { stdio: ["ignore", "pipe", "ignore"] }).stdout);
  const operator = ps.split("\n").find((line) => line.includes(`:${port}`) && !line.includes("/bin/sh"));
  process.kill(Number.parseInt(operator ?? "", 10), "SIGKILL");
  assert.is(await demo.exit, 1, demo.printed());
  const errors = await demo.errors;
  assert.match(errors, "The operator exited unexpectedly, with code 137");
  assert.match(errors, '"msg":"ready"');
  assert.ok(log.startsWith(directory));
  await nothingIsLeft();
});

test("on a cluster that has an AppSecret operator already it changes nothing", async () => {
  const before = await runKubectl("kubectl", ["get", "namespaces", "-o", "name"], { env: process.env });
  const demo = start({ USE_EXISTING_CLUSTER: "true" });
  assert.is(await demo.exit, 1);
  assert.match(
    await demo.errors,
    /has .*customresourcedefinition.*appsecrets\.appsecret\.dev.*Unset USE_EXISTING_CLUSTER/,
  );
  const after = await runKubectl("kubectl", ["get", "namespaces", "-o", "name"], { env: process.env });
  assert.not.match(after.stdout.replace(before.stdout, ""), /namespace\/(dev|staging|production)$/m);
});

test.run();
