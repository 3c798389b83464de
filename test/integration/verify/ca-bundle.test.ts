/** The file of --ca-bundle, mounted as the kubelet does it, changes while the operator runs (trust-manager). */
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createCertificateAuthority } from "#testbed/servers/tls";
import { createLogger } from "#observe/logger";
import { followCaBundle } from "#verify/network/ca-bundle";
import { createHttpClient } from "#verify/network/http";
import { egressFor } from "#support/verify/egress";
import { startSite } from "#support/verify/sites";
import type { Site } from "#support/verify/sites";

const [before, after] = [createCertificateAuthority(), createCertificateAuthority()];
const mount = mkdtempSync(join(tmpdir(), "ca-bundle-"));
const file = join(mount, "bundle.pem");
const lines: { level: string; msg: string; problem?: string }[] = [];
const log = createLogger("info", { write: (line) => lines.push(JSON.parse(line) as (typeof lines)[number]) });
let clock = 0;
let versions = 0;
let sites: Site[];

/** All files of a volume change at once, by a symbolic link that is renamed. Undefined: the file is gone. */
function bring(bundle: string | undefined): void {
  const version = `..${(versions += 1)}`;
  mkdirSync(join(mount, version));
  if (bundle !== undefined) writeFileSync(join(mount, version, "bundle.pem"), bundle);
  symlinkSync(version, join(mount, "..new"));
  renameSync(join(mount, "..new"), join(mount, "..data"));
}

test.before(async () => {
  symlinkSync("..data/bundle.pem", file);
  sites = await Promise.all(
    [before, after].map((ca) =>
      startSite(ca.issue({ hosts: ["127.0.0.1"] }), (_request, response) => void response.end("fine")),
    ),
  );
});
test.after(async () => {
  await Promise.all(sites.map((site) => site.close()));
  rmSync(mount, { recursive: true });
});

test("the trusted CAs follow the file, and a broken file changes nothing", async () => {
  bring(before.caPem);
  const http = createHttpClient(
    egressFor("JWKS", { allow: ["127.0.0.0/8"], caBundle: followCaBundle(file, log, () => clock) }),
  );
  /** Of the servers with certificates of the one CA and of the other: who is trusted? */
  const trusted = async (): Promise<boolean[]> => {
    const outcomes = await Promise.all(
      sites.map(({ port }) =>
        http.get({
          ...{ url: `https://127.0.0.1:${port}/`, maxBytes: 100, timeoutMs: 20_000, maxRedirects: 0 },
        }),
      ),
    );
    assert.ok(outcomes.every(({ kind }) => kind === "Reply" || kind === "TlsFailed"));
    return outcomes.map(({ kind }) => kind === "Reply");
  };
  assert.equal(await trusted(), [true, false]);

  bring(before.caPem + after.caPem);
  assert.equal(await trusted(), [true, false], "not read at every connection");
  clock += 10_000;
  assert.equal(await trusted(), [true, true]);
  bring(after.caPem);
  clock += 10_000;
  assert.equal(await trusted(), [false, true], "one that was taken out is not trusted any more");

  for (const broken of ["", "-----BEGIN CERTIFICATE-----\nAQAB\n-----END CERTIFICATE-----\n", undefined]) {
    bring(broken);
    for (let round = 0; round < 2; round += 1) {
      clock += 10_000;
      assert.equal(await trusted(), [false, true]);
    }
  }
  bring(before.caPem);
  clock += 10_000;
  assert.equal(await trusted(), [true, false]);
  assert.equal(
    lines.map(({ level, msg, problem }) => problem?.replace(file, "FILE") ?? `${level}: ${msg}`),
    [
      "info: the CA bundle has changed",
      "info: the CA bundle has changed",
      "--ca-bundle: FILE contains no PEM certificate (-----BEGIN CERTIFICATE-----)",
      "--ca-bundle: FILE cannot be used: certificate 1 cannot be parsed",
      "--ca-bundle: FILE cannot be read",
      "info: the CA bundle has changed",
    ],
  );
  await http.close();
});

test.run();
