/** The download of released programs, against a stand-in for the hosts that have them. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { access, mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { download, release } from "#testbed/control-plane/download";

const PROGRAM = Buffer.from("#!/bin/sh\necho kubectl\n");
const LINUX = { os: "linux", arch: "amd64" };
const progress = { show: () => undefined, note: () => undefined, end: () => undefined };

/** What a download of kubectl comes to when the host serves this checksum for it. */
async function downloaded(checksum: string): Promise<{ error: string; content: string | undefined }> {
  const directory = await mkdtemp(join(tmpdir(), "download-"));
  const server = createServer(({ url = "" }, reply) => {
    reply.end(url.endsWith(".sha512") ? checksum : PROGRAM);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const kubernetes = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const output = join(directory, "kubectl");
  try {
    const error = await download({
      ...{ program: "kubectl", kubernetes: "1.33.13", output, progress },
      ...{ position: 1, count: 1, hosts: { kubernetes, etcd: kubernetes } },
    }).then(
      () => "",
      (thrown: unknown) => (thrown as Error).message,
    );
    const isThere = await access(output).then(
      () => true,
      () => false,
    );
    return { error, content: isThere ? await readFile(output, "utf8") : undefined };
  } finally {
    server.close();
    await rm(directory, { recursive: true });
  }
}

test("a program with its published checksum is installed", async () => {
  const { error, content } = await downloaded(createHash("sha512").update(PROGRAM).digest("hex"));
  assert.is(error, "");
  assert.is(content, PROGRAM.toString());
});

test("a program with another checksum is not", async () => {
  const { error, content } = await downloaded(createHash("sha512").update("another").digest("hex"));
  assert.match(error, "does not have its published checksum");
  assert.is(content, undefined);
});

test("the addresses are those of the releases, and there are none for other systems", () => {
  const kubectl = release("kubectl", "1.33.13", undefined, LINUX);
  assert.is(kubectl?.url, "https://dl.k8s.io/release/v1.33.13/bin/linux/amd64/kubectl");
  const etcd = release("etcd", "1.33.13", undefined, LINUX);
  assert.match(
    etcd?.url ?? "",
    /^https:\/\/github\.com\/etcd-io\/etcd\/releases\/download\/v[\d.]+\/etcd-v[\d.]+-linux-amd64\.tar\.gz$/,
  );
  assert.is(release("kube-apiserver", "1.33.13", undefined, { os: "darwin", arch: "arm64" }), undefined);
});

test.run();
