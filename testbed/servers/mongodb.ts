/**
 * A MongoDB server on this machine, for tests and the demo: FerretDB on SQLite, and in front of it logins with real password
 * checks (mongodb-front.ts). It is gone, with all its data, when the program that started it is.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ensureProgram } from "../control-plane/binaries.ts";
import { ControlPlaneError } from "../control-plane/failure.ts";
import { keepDirectory, spawnKept } from "../control-plane/lifeline.ts";
import { freePort } from "../control-plane/ports.ts";
import type { Progress } from "../control-plane/progress.ts";
import { programCache } from "../control-plane/versions.ts";
import { LOOPBACK, startFront } from "./mongodb-front.ts";
import type { Front, FrontOptions } from "./mongodb-front.ts";

/** The same as in ferretdb/go.mod. */
const FERRETDB_VERSION = "1.24.0";
const SOURCES = join(import.meta.dirname, "ferretdb");
const READY_WITHIN_MS = 20_000;
const STOPS_WITHIN_MS = 5_000;

export type MongoDBOptions = Pick<FrontOptions, "users" | "tls" | "hello" | "address"> & {
  env?: NodeJS.ProcessEnv;
  /** Of the build, the first time. Default: stderr. */
  progress?: Progress;
  /** Where there is no Go to build FerretDB with: a server with real logins that keeps no data. */
  orWithoutData?: boolean;
};

export type MongoDB = {
  /** The same after `comeBack`. */
  readonly port: number;
  /** False: only the logins are real. */
  readonly keepsData: boolean;
  /** How many logins were tried since it was started or came back. */
  readonly logins: number;
  /** Connection string. Without `user`, one without a login. `options` as after the question mark. */
  uri(user?: { name: string; password: string }, options?: string): string;
  /** The database cannot be reached: connections are cut, new ones refused. The data stay. */
  goDown(): Promise<void>;
  comeBack(): Promise<void>;
  stop(): Promise<void>;
};

/**
 * Starts a server; the first time on a machine, FerretDB is built with Go, which takes one to two minutes.
 *
 * @throws {ControlPlaneError} `NoBinaries` or `BuildFailed` when there is no FerretDB, `ServerFailed` when it does not start
 * @example
 * const database = await startMongoDB({ users: { orders: { password: "correct horse" } } });
 * const uri = database.uri({ name: "orders", password: "correct horse" });
 */
export async function startMongoDB(options: MongoDBOptions = {}): Promise<MongoDB> {
  const { env = process.env, progress, orWithoutData = false, ...front } = options;
  const ferretDB = await startFerretDB(env, progress).catch((error: unknown) => {
    if (orWithoutData && error instanceof ControlPlaneError && error.code === "NoBinaries") return undefined;
    throw error;
  });
  const port = await freePort();
  const open = () => startFront({ ...front, port, ...(ferretDB && { backend: () => connect(ferretDB.socket) }) });
  let current: Front | undefined = await open();
  const goDown = async () => {
    await current?.close();
    current = undefined;
  };
  return {
    port,
    keepsData: ferretDB !== undefined,
    get logins() {
      return current?.logins ?? 0;
    },
    uri(user, more = "") {
      const login = user === undefined ? "" : `${encodeURIComponent(user.name)}:${encodeURIComponent(user.password)}@`;
      const tls = options.tls === undefined ? "" : "tls=true";
      const query = [tls, more].filter((part) => part !== "").join("&");
      return `mongodb://${login}${options.address ?? LOOPBACK}:${port}/${query === "" ? "" : `?${query}`}`;
    },
    goDown,
    async comeBack() {
      current ??= await open();
    },
    async stop() {
      await goDown();
      await ferretDB?.stop();
    },
  };
}

/** Listens on a Unix socket, and keeps its data in a directory of its own. */
async function startFerretDB(env: NodeJS.ProcessEnv, progress: Progress | undefined) {
  const program = await ensureFerretDB(env, progress);
  const directory = await keepDirectory();
  const socket = join(directory.path, "ferretdb.sock");
  const data = join(directory.path, "data");
  await mkdir(data);
  const log = join(directory.path, "ferretdb.log");
  const server = await spawnKept(program, [socket, data], { cwd: directory.path, output: { file: log } });
  const stop = async () => {
    await server.stop("SIGTERM", STOPS_WITHIN_MS);
    await directory.remove();
  };
  if (!(await isListening(socket, () => server.running))) {
    const text = await readFile(log, "utf8").catch(() => "");
    await stop();
    throw new ControlPlaneError("ServerFailed", `FerretDB does not start; its log ends with:\n${text.slice(-2_000)}`);
  }
  return { socket, stop };
}

/**
 * The path of FerretDB; a first build takes one to two minutes.
 *
 * @throws {ControlPlaneError} `NoBinaries`, `BuildFailed`
 */
export async function ensureFerretDB(env: NodeJS.ProcessEnv, progress?: Progress): Promise<string> {
  const files = await Promise.all(["main.go", "go.mod", "go.sum"].map((name) => readFile(join(SOURCES, name))));
  const digest = createHash("sha256").update(Buffer.concat(files)).digest("hex").slice(0, 12);
  return ensureProgram({
    source: {
      program: "ferretdb",
      module: SOURCES,
      package: ".",
      ldflags: "-s -w",
      // 20 MB less, and a third of the time.
      tags: "ferretdb_no_postgresql",
      usualSeconds: 95,
    },
    cache: programCache(env, `ferretdb-${FERRETDB_VERSION}-${digest}`),
    env,
    ...(progress !== undefined && { progress }),
  });
}

async function isListening(path: string, isRunning: () => boolean): Promise<boolean> {
  const deadline = performance.now() + READY_WITHIN_MS;
  while (isRunning() && performance.now() < deadline) {
    const connected = await new Promise<boolean>((resolve) => {
      const probe = connect(path, () => resolve(true));
      probe.once("error", () => resolve(false));
      probe.once("connect", () => probe.destroy());
    });
    if (connected) return true;
    await sleep(50);
  }
  return false;
}
