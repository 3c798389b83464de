/**
 * Downloads the released programs, which takes a minute where building takes seven.
 *
 * The hosts could not be reached where this was written: it has been run against a stand-in server only
 * (test/unit/testbed/download.test.ts), with the addresses and file names of the published releases.
 *
 * The checksums come from the same place as the files, so they find what was damaged on the way, not a release that was
 * tampered with. Building from source (build.ts) checks against go.sum in this repository.
 */
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { chmod, rename } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { spawnKept } from "./lifeline.ts";
import { describeDownload } from "./progress.ts";
import type { Progress } from "./progress.ts";
import { ETCD_VERSION, platform } from "./versions.ts";
import type { Program } from "./versions.ts";

/** Where there is no internet this is what it costs to find out. */
const ANSWERS_WITHIN_MS = 4_000;
const SILENT_FOR_MS = 20_000;

export type Hosts = { kubernetes: string; etcd: string };

const HOSTS: Hosts = {
  kubernetes: "https://dl.k8s.io",
  etcd: "https://github.com/etcd-io/etcd/releases/download",
};

type Release = {
  url: string;
  checksums: string;
  algorithm: "sha256" | "sha512";
  /** The program's path in the archive; without it the file is the program. */
  member?: string;
};

/** The release to download; `undefined` where there is none: servers are released for Linux only, kubectl for macOS too. */
export function release(
  program: Program,
  kubernetes: string,
  hosts: Hosts = HOSTS,
  { os, arch } = platform(),
): Release | undefined {
  const isReleased =
    (os === "linux" || (os === "darwin" && program === "kubectl")) && ["amd64", "arm64"].includes(arch);
  if (!isReleased) return undefined;
  if (program === "etcd") {
    const folder = `etcd-v${ETCD_VERSION}-${os}-${arch}`;
    const base = `${hosts.etcd}/v${ETCD_VERSION}`;
    return {
      url: `${base}/${folder}.tar.gz`,
      checksums: `${base}/SHA256SUMS`,
      algorithm: "sha256",
      member: `${folder}/etcd`,
    };
  }
  const url = `${hosts.kubernetes}/release/v${kubernetes}/bin/${os}/${arch}/${program}`;
  return { url, checksums: `${url}.sha512`, algorithm: "sha512" };
}

/**
 * Downloads one program into the file `output`.
 *
 * @throws an Error that says in a few words why the download failed; nothing is left at `output` then.
 */
export async function download(options: {
  program: Program;
  /** The version of Kubernetes. */
  kubernetes: string;
  position: number;
  count: number;
  output: string;
  progress: Progress;
  /** For tests. */
  hosts?: Hosts;
}): Promise<void> {
  const { program, position, count, output, progress } = options;
  const from = release(program, options.kubernetes, options.hosts);
  if (from === undefined) throw new Error(`${program} is not released for ${platform().os}/${platform().arch}`);

  // Shown for some seconds where no host responds.
  progress.show(() => `Trying to download ${program} from ${new URL(from.url).host}`);
  const expected = checksumOf(basename(from.url), await (await get(from.checksums)).response.text());
  const { response, heard } = await get(from.url);
  const total = Number(response.headers.get("content-length") ?? Number.NaN);
  const began = performance.now();
  let bytes = 0;
  progress.show(() =>
    describeDownload({
      program,
      position,
      count,
      elapsedMs: performance.now() - began,
      bytes,
      total: Number.isNaN(total) ? undefined : total,
    }),
  );
  const hash = createHash(from.algorithm);
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      heard();
      bytes += chunk.length;
      hash.update(chunk);
      done(null, chunk);
    },
  });
  const file = `${output}.download`;
  if (response.body === null) throw new Error(`${from.url} is empty`);
  await pipeline(Readable.fromWeb(response.body), measure, createWriteStream(file)).catch((error: unknown) => {
    throw new Error(`${new URL(from.url).host} ended the download after ${Math.round(bytes / 1e6)} MB`, {
      cause: error,
    });
  });
  if (hash.digest("hex") !== expected) throw new Error(`${from.url} does not have its published checksum`);
  if (from.member === undefined) await rename(file, output);
  else await extract(file, from.member, output);
  await chmod(output, 0o755);
}

/** Of a file with one checksum, or with a line "<checksum>  <file name>" for each file. */
function checksumOf(name: string, text: string): string {
  const lines = text.trim().split("\n");
  const line =
    lines.find((candidate) => candidate.trim().endsWith(name)) ?? (lines.length === 1 ? lines[0] : undefined);
  const checksum = line?.trim().split(/\s+/)[0];
  if (checksum === undefined) throw new Error(`no checksum is published for ${name}`);
  return checksum;
}

/** A response with status 200. It is aborted after a silence; call `heard` for each piece that arrives. */
async function get(url: string): Promise<{ response: Response; heard: () => void }> {
  const abort = new AbortController();
  const { host } = new URL(url);
  let timer = setTimeout(() => abort.abort(), ANSWERS_WITHIN_MS);
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => abort.abort(), SILENT_FOR_MS).unref();
  };
  const response = await fetch(url, { signal: abort.signal }).catch((error: unknown) => {
    clearTimeout(timer);
    const { cause } = error as { cause?: { code?: string } };
    throw new Error(`${host} cannot be reached (${cause?.code ?? "no answer"})`, { cause: error });
  });
  heard();
  if (!response.ok) throw new Error(`${url} returns ${response.status}`);
  return { response, heard };
}

async function extract(archive: string, member: string, output: string): Promise<void> {
  const depth = member.split("/").length - 1;
  const tar = await spawnKept("tar", ["-xzf", archive, "-C", dirname(output), `--strip-components=${depth}`, member], {
    output: {},
  });
  if ((await tar.done()) !== 0) throw new Error(`${basename(archive)} has no ${member}`);
  await rename(join(dirname(output), basename(member)), output);
}
