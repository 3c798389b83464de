/**
 * Shows a person what takes long: one line that changes on a terminal, a line every 15 s elsewhere (a CI log).
 * The texts are pure functions of what is known, so that tests can read them.
 */
import type { Program } from "./versions.ts";

const REDRAW_MS = 200;
const LINE_EVERY_MS = 15_000;

/** How long a cold build took on two cores: measured with Go 1.26, Kubernetes 1.37, etcd 3.7. Seconds. */
export const USUAL_BUILD_SECONDS: Record<Program, number> = {
  etcd: 45,
  "kube-apiserver": 260,
  "kube-controller-manager": 100,
  kubectl: 25,
};

export type Step = { program: string; position: number; count: number; elapsedMs: number };

/** `built` and `total` are numbers of Go packages; a warm build cache compiles fewer than all. */
export function describeBuild(step: Step & { usualSeconds: number; built: number; total: number }): string {
  const packages = `${grouped(step.built)} of ${grouped(step.total)} packages`;
  const usual = `usually about ${duration(step.usualSeconds * 1000)} on two cores`;
  return `Building ${head(step)}: ${packages}, ${duration(step.elapsedMs)}, ${usual}`;
}

/** Before Go can build it fetches sources; it does not say how many there will be. */
export function describeSources(step: Step & { modules: number }): string {
  const what = step.modules === 0 ? "resolving its sources" : `${grouped(step.modules)} modules of source downloaded`;
  return `Building ${head(step)}: ${what}, ${duration(step.elapsedMs)}`;
}

export function describeDownload(step: Step & { bytes: number; total: number | undefined }): string {
  const megabytes = (bytes: number) => Math.round(bytes / 1e6);
  const of = step.total === undefined ? "" : ` of ${megabytes(step.total)}`;
  return `Downloading ${head(step)}: ${megabytes(step.bytes)}${of} MB, ${duration(step.elapsedMs)}`;
}

/** How long all of these usually take to build, for the line before it begins. */
export function usualBuildTime(programs: readonly Program[]): string {
  return duration(programs.reduce((sum, program) => sum + USUAL_BUILD_SECONDS[program], 0) * 1000);
}

/** "40 s", "1 min 40 s", "7 min": no seconds when they are 0. */
export function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const rest = seconds % 60;
  return `${Math.floor(seconds / 60)} min${rest === 0 ? "" : ` ${rest} s`}`;
}

function head(step: Step): string {
  return `${step.program} (${step.position} of ${step.count})`;
}

function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, " ");
}

export type Progress = {
  /** Shows what `describe` says now, and again as time passes, until the next call. */
  show(describe: () => string): void;
  /** A line that stays. */
  note(line: string): void;
  /** Ends what `show` began. */
  end(): void;
};

export type ProgressStream = { isTTY?: boolean; columns?: number; write(text: string): unknown };

export function createProgress(stream: ProgressStream): Progress {
  let timer: NodeJS.Timeout | undefined;
  let describe: (() => string) | undefined;

  function draw(): void {
    if (describe === undefined) return;
    if (stream.isTTY) stream.write(`\r\x1b[K${describe().slice(0, (stream.columns ?? 80) - 1)}`);
    else stream.write(`${describe()}\n`);
  }
  function clear(): void {
    if (describe !== undefined && stream.isTTY) stream.write("\r\x1b[K");
  }
  return {
    show(next) {
      // Between two steps of one wait only a terminal is redrawn at once; a log keeps its rhythm.
      const first = describe === undefined;
      describe = next;
      if (first || stream.isTTY) draw();
      timer ??= setInterval(draw, stream.isTTY ? REDRAW_MS : LINE_EVERY_MS).unref();
    },
    note(line) {
      clear();
      stream.write(`${line}\n`);
    },
    end() {
      clear();
      clearInterval(timer);
      timer = undefined;
      describe = undefined;
    },
  };
}
