/**
 * Keeps two runs from building the same programs at the same time. The lock is a file with its holder's name in it,
 * touched every few seconds: that of a process which is gone, or which has not touched it for a minute (on another
 * machine that shares the home directory), is taken away. Should two still get in, both do the work, and nothing
 * breaks: finished programs are moved into place in one step.
 */
import { randomUUID } from "node:crypto";
import { link, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

const TOUCH_EVERY_MS = 5_000;
const STALE_AFTER_MS = 60_000;
const POLL_MS = 300;

type Holder = { pid: number; host: string; id: string };

/** Runs `work` while holding the lock; `onWait` is called once, with the holder's process id, when someone else has it. */
export async function withLock<T>(path: string, work: () => Promise<T>, onWait: (pid: number) => void): Promise<T> {
  const self: Holder = { pid: process.pid, host: hostname(), id: randomUUID() };
  let waiting = false;
  while (!(await create(path, self))) {
    const holder = await read(path);
    if (holder !== undefined && (await isStale(path, holder))) {
      await takeAway(path, holder);
      continue;
    }
    if (holder !== undefined && !waiting) onWait(holder.pid);
    waiting ||= holder !== undefined;
    await sleep(POLL_MS);
  }
  const touching = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => undefined), TOUCH_EVERY_MS);
  touching.unref();
  try {
    return await work();
  } finally {
    clearInterval(touching);
    if ((await read(path))?.id === self.id) await rm(path, { force: true });
  }
}

/** The file appears with its content in it, since it is linked and not written in place. */
async function create(path: string, self: Holder): Promise<boolean> {
  const draft = `${path}.${self.id}`;
  await writeFile(draft, JSON.stringify(self));
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function read(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Holder;
  } catch {
    return undefined;
  }
}

async function isStale(path: string, holder: Holder): Promise<boolean> {
  if (holder.host === hostname() && !isAlive(holder.pid)) return true;
  const touched = await stat(path).then(
    (file) => file.mtimeMs,
    () => Date.now(),
  );
  return Date.now() - touched > STALE_AFTER_MS;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Of two that take the stale lock away, the later one has moved the earlier one's new lock: it puts that back. */
async function takeAway(path: string, stale: Holder): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  if ((await read(aside))?.id !== stale.id) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}
