import type { Log } from "#common/log";
import { silent } from "#common/log";

/** What a reflector's log says about its watch, as a person reads it. */
export type WatchLog = {
  log: Log;
  /** Why there is no watch; `undefined` while there is one. */
  readonly problem: string | undefined;
};

export function createWatchLog(): WatchLog {
  let problem: string | undefined = "not listed yet";
  let failed = false;
  const read = (fields: object, message: string): void => {
    const { reason = "unexpected error" } = fields as { reason?: string };
    if (message.startsWith("watch lost")) {
      problem = reason;
      failed = true;
    }
    if (message === "watching again" || (message === "listed" && !failed)) problem = undefined;
  };
  return {
    log: { ...silent, debug: read, info: read, warn: read, error: read },
    get problem() {
      return problem;
    },
  };
}
