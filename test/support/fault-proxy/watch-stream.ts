import type { StreamFaults } from "./rules.ts";

/** A watch on its way through the proxy: JSON lines in, and what is left of them out. */
export type WatchStream = {
  /** Whole lines, without their ends. */
  push(line: string): void;
  /** Lets everything go that is held back. */
  flush(): void;
};

export type Outlet = {
  write: (text: string) => void;
  /** As HTTP ends a reply. */
  end: () => void;
  cut: () => void;
};

/** Nothing overtakes for longer than this. */
const HELD_MS = 150;

type Event = { type: string; object: { metadata: { uid?: string } } };

export function createWatchStream(faults: StreamFaults, outlet: Outlet): WatchStream {
  const before = new Map<string, string>();
  const isWell = Object.keys(faults).length === 0;
  let count = 0;
  let over = false;
  let held: { uid: string; line: string; timer: NodeJS.Timeout } | undefined;

  /** Late by the same time each, so the order stays. */
  function write(line: string): void {
    if (over) return;
    if (faults.lateMs === undefined) outlet.write(`${line}\n`);
    else setTimeout(() => !over && outlet.write(`${line}\n`), faults.lateMs);
  }

  function flush(): void {
    if (held === undefined) return;
    clearTimeout(held.timer);
    write(held.line);
    held = undefined;
  }

  function pass(uid: string, line: string): void {
    if (faults.shuffle !== true) return write(line);
    if (held === undefined) {
      held = { uid, line, timer: setTimeout(flush, HELD_MS) };
      return;
    }
    if (held.uid === uid) flush();
    write(line);
    flush();
  }

  /** An API server never loses what it has: what is held back goes out before the end. */
  function finish(how: () => void): void {
    flush();
    over = true;
    how();
  }

  return {
    flush,
    push(line) {
      if (over) return;
      // Without faults a line need not be an event: a test may have put something else there.
      if (isWell) {
        write(line);
        return;
      }
      const { type, object } = JSON.parse(line) as Event;
      if (type === "BOOKMARK" || type === "ERROR") {
        flush();
        write(line);
        return;
      }
      count += 1;
      if (faults.silentAfter !== undefined && count > faults.silentAfter) {
        finish(() => undefined);
        return;
      }
      if (faults.expireAfter !== undefined && count > faults.expireAfter) {
        finish(() => {
          const status = { kind: "Status", apiVersion: "v1", status: "Failure", reason: "Expired", code: 410 };
          outlet.write(`${JSON.stringify({ type: "ERROR", object: status })}\n`);
          outlet.end();
        });
        return;
      }
      if (faults.cutAfter !== undefined && count > faults.cutAfter) {
        finish(() => {
          outlet.write(line.slice(0, line.length / 2));
          outlet.cut();
        });
        return;
      }
      const uid = object.metadata.uid ?? "";
      pass(uid, line);
      if (faults.repeat === true) pass(uid, line);
      const older = before.get(uid);
      if (faults.replay === true && older !== undefined) pass(uid, older);
      before.set(uid, line);
    },
  };
}
