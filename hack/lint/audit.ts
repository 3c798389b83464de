import { spawnSync } from "node:child_process";

/**
 * `npm run audit`: looks up known vulnerabilities of the installed packages in the registry.
 *
 * It is not a part of `check`, because its result depends on a server and on the day. Exit code 1 for a vulnerability, 3 if
 * the registry did not answer (a mirror often has no audit endpoint): then nothing is known, and the output says so.
 */

type Audit = {
  error?: { summary?: string };
  message?: string;
  metadata?: { vulnerabilities: { total: number } };
};

const { stdout, error } = spawnSync("npm", ["audit", "--json"], { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
const audit = error === undefined && stdout !== "" ? (JSON.parse(stdout) as Audit) : {};
if (audit.metadata === undefined) {
  const why = error?.message ?? audit.message ?? audit.error?.summary ?? "npm audit printed nothing";
  console.error(`Nothing was audited: the registry did not answer (${why.split("\n")[0] ?? ""}).`);
  process.exit(3);
}
const { total } = audit.metadata.vulnerabilities;
if (total === 0) {
  console.log("No known vulnerability.");
} else {
  spawnSync("npm", ["audit"], { stdio: "inherit" });
  process.exit(1);
}
