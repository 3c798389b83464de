/**
 * Runs a program in a network of loopback alone, with an /etc/resolv.conf and /etc/hosts of its own: it may be a DNS server on
 * port 53, and nothing of this machine's network has a say.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** `["-r", …]`: root only in there. Most container runtimes forbid one or both. */
const WAYS: readonly (readonly string[])[] = [
  ["-m", "-n"],
  ["-r", "-m", "-n"],
];

const SET_UP =
  'ip link set lo up && mount --bind "$0" /etc/resolv.conf && mount --bind "$1" /etc/hosts && shift && exec "$@"';

/** Flags of `unshare`; undefined where neither of them is permitted, or a program is missing. */
export async function findNetworkNamespace(): Promise<readonly string[] | undefined> {
  for (const way of WAYS) {
    const works = await inside(way, "", "", ["true"]).then(
      () => true,
      () => false,
    );
    if (works) return way;
  }
  return undefined;
}

/** @returns what the program wrote to standard output */
export async function inside(
  way: readonly string[],
  resolvConf: string,
  hosts: string,
  program: readonly string[],
): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "appsecret-network-"));
  const files = { resolvConf: join(folder, "resolv.conf"), hosts: join(folder, "hosts") };
  writeFileSync(files.resolvConf, resolvConf);
  writeFileSync(files.hosts, hosts);
  try {
    const shell = ["sh", "-c", SET_UP, files.resolvConf, files.hosts, ...program];
    return (await run("unshare", [...way, ...shell], { timeout: 60_000 })).stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
