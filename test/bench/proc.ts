/** What a process has used, as the kernel counts it. Linux only. */
import { readFileSync } from "node:fs";

/** `getconf CLK_TCK`: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** User and system time since its start, all threads, in seconds. proc_pid_stat(5), fields 14 and 15. */
export function cpuSeconds(pid: number): number {
  // "pid (name) state ppid …", and the name may hold anything.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** What it has in memory now, and the most that it ever had, in MiB. */
export function memory(pid: number): { rss: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const mebibytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) / 1024;
  return { rss: mebibytes("VmRSS"), peak: mebibytes("VmHWM") };
}
