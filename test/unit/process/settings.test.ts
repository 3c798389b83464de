import { spawnSync } from "node:child_process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { SettingsError, helpText, readSettings } from "#process/settings";

function refusal(argv: string[], env: NodeJS.ProcessEnv = {}): string {
  try {
    readSettings(argv, env);
  } catch (error) {
    assert.instance(error, SettingsError);
    return (error as SettingsError).message;
  }
  throw new Error(`${argv.join(" ")} was taken`);
}

test("without flags and variables everything has its default", () => {
  assert.equal(readSettings([], {}), {
    namespaces: [],
    concurrency: 16,
    leaseName: "appsecret-operator",
    metricsAddress: { port: 8080 },
    logLevel: "info",
    offline: false,
    verifyInterval: 600_000,
    egressAllow: [],
    egressDeny: [],
    atlasBaseUrl: "https://cloud.mongodb.com",
  });
});

test("a flag takes precedence over its variable, and an empty one counts as unset", () => {
  const env = { APPSECRET_LOG_LEVEL: "warn", APPSECRET_LEASE_NAME: "" };
  assert.is(readSettings(["--log-level", "debug"], env).logLevel, "debug");
  assert.is(readSettings(["--log-level="], env).logLevel, "warn");
  assert.is(readSettings([], env).leaseName, "appsecret-operator");
});

test("other variables are ignored: Kubernetes sets some with our prefix for a Service", () => {
  readSettings([], { APPSECRET_OPERATOR_SERVICE_HOST: "10.0.0.1", APPSECRET_PORT: "tcp://10.0.0.1:80" });
});

const taken: [argv: string[], setting: keyof ReturnType<typeof readSettings>, value: unknown][] = [
  [["--namespaces", "a,b"], "namespaces", ["a", "b"]],
  [["--namespaces=a, b,a,"], "namespaces", ["a", "b"]],
  [["--namespaces="], "namespaces", []],
  [["--concurrency", "1"], "concurrency", 1],
  [["--concurrency=256"], "concurrency", 256],
  [["--leader-elect"], "leaderElect", true],
  [["--leader-elect=true"], "leaderElect", true],
  [["--leader-elect=false"], "leaderElect", false],
  [["--no-leader-elect"], "leaderElect", false],
  [["--lease-namespace", "ops"], "leaseNamespace", "ops"],
  [["--lease-name", "a.b-c"], "leaseName", "a.b-c"],
  [["--metrics-address", ":0"], "metricsAddress", { port: 0 }],
  [["--metrics-address", "127.0.0.1:9090"], "metricsAddress", { port: 9090, host: "127.0.0.1" }],
  [["--metrics-address", "localhost:9090"], "metricsAddress", { port: 9090, host: "localhost" }],
  [["--metrics-address", "[::1]:9090"], "metricsAddress", { port: 9090, host: "::1" }],
  [["--metrics-address", "off"], "metricsAddress", "off"],
  [["--metrics-address", "0"], "metricsAddress", "off"],
  [["--log-level", "silent"], "logLevel", "silent"],
  [["--kubeconfig", "/tmp/config"], "kubeconfig", "/tmp/config"],
  [["--offline"], "offline", true],
  [["--no-offline"], "offline", false],
  [["--verify-interval", "90s"], "verifyInterval", 90_000],
  [["--verify-interval", "1h"], "verifyInterval", 3_600_000],
  [["--egress-allow", "10.0.0.0/8, ::1"], "egressAllow", ["10.0.0.0/8", "::1"]],
  [["--egress-deny", "10.96.0.0/12"], "egressDeny", ["10.96.0.0/12"]],
  [["--ca-bundle", "/etc/ca.pem"], "caBundle", "/etc/ca.pem"],
  [["--cluster-domain", "cluster.example"], "clusterDomain", "cluster.example"],
  [["--atlas-base-url", "https://cloud.mongodbgov.com/"], "atlasBaseUrl", "https://cloud.mongodbgov.com"],
];
for (const [argv, setting, value] of taken) {
  test(`${argv.join(" ")} is taken`, () => assert.equal(readSettings(argv, {})[setting], value));
}

const refused: [argv: string[], says: string][] = [
  [["--namespaces", "Staging"], '--namespaces must be names of namespaces, separated by commas, not "Staging"'],
  [["--namespaces", ","], '--namespaces must be names of namespaces, separated by commas, not ","'],
  [["--concurrency", "0"], '--concurrency must be a whole number from 1 to 256, not "0"'],
  [["--concurrency", "257"], '--concurrency must be a whole number from 1 to 256, not "257"'],
  [["--concurrency", "0x10"], '--concurrency must be a whole number from 1 to 256, not "0x10"'],
  [["--concurrency", "1.5"], '--concurrency must be a whole number from 1 to 256, not "1.5"'],
  [["--leader-elect=perhaps"], '--leader-elect must be true or false, not "perhaps"'],
  [["--log-level", "loud"], '--log-level must be one of debug, info, warn, error, silent, not "loud"'],
  [["--lease-namespace", "a.b"], '--lease-namespace must be the name of a namespace, not "a.b"'],
  [["--concurrency"], "--concurrency needs a value: a whole number from 1 to 256"],
  [["--concurrency", "--leader-elect"], "--concurrency needs a value: a whole number from 1 to 256"],
  [["--log-level", "info", "--log-level", "debug"], "--log-level is given more than once"],
  [["--metrics"], "there is no flag --metrics"],
  [["-n"], "there is no flag -n"],
  [["serve"], '"serve" is not a flag'],
  [["--offline", "serve"], '"serve" is not a flag'],
];
for (const [argv, says] of refused) {
  test(`${argv.join(" ")} is refused`, () => assert.is(refusal(argv), says));
}
for (const address of ["8080", "a b:80", ":65536", "::1:80", ":x"]) {
  test(`--metrics-address ${address} is refused, and the message says what is allowed`, () => {
    assert.match(
      refusal(["--metrics-address", address]),
      /^--metrics-address must be an address like :8080, .* or off, /,
    );
  });
}

test("a wrong variable is refused by the variable's name", () => {
  assert.match(refusal([], { APPSECRET_CONCURRENCY: "many" }), /^APPSECRET_CONCURRENCY must be a whole number/);
});

test("a message is one short line, without the credentials of a URI that was pasted into the wrong place", () => {
  const message = refusal(["--lease-name", `mongodb://root:hunter2@db/\n${"x".repeat(500)}`]);
  assert.not.match(message, "hunter2");
  assert.not.match(message, "\n");
  assert.ok(message.length < 200);
});

test("--help names every flag and fits into a terminal of 80 columns", () => {
  const help = helpText();
  for (const [argv] of taken) assert.match(help, argv[0]!.split("=")[0]!);
  for (const line of help.split("\n")) assert.ok(line.length <= 80, line);
});

const run = (...argv: string[]) => {
  const script =
    'import { settingsOrExit } from "./operator/process/settings.ts"; settingsOrExit(process.argv.slice(1), process.env);';
  return spawnSync(process.execPath, ["--input-type=module", "--eval", script, "--", ...argv], { encoding: "utf8" });
};

test("a wrong flag ends the program with exit code 2 and one line", () => {
  const { status, stdout, stderr } = run("--concurrency=none");
  assert.is(status, 2);
  assert.is(stdout, "");
  assert.match(stderr, /^appsecret-operator: --concurrency must be [^\n]*\n$/);
});

test("--help and --version end it with exit code 0, whatever else is given", () => {
  assert.is(run("--concurrency=none", "--help").status, 0);
  assert.match(run("--version").stdout, /^\d+\.\d+\.\d+\S*\n$/);
});

test.run();
