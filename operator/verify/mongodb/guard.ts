/**
 * Looks at what a database server sends before the driver does, whole messages at a time.
 * Format: MongoDB's wire protocol: a header of four int32 (length, id, id replied to, operation code), then the body.
 */

/** Replies to hello, to a login and to a listing of nothing have a few hundred bytes. */
const MAX_MESSAGE_BYTES = 256 * 1024;
const MAX_TOTAL_BYTES = 2 * 1024 * 1024;
const HEADER_BYTES = 16;

/** OP_REPLY answers the first hello, OP_MSG all else. OP_COMPRESSED was not agreed on, and may be a bomb. */
const OP_REPLY = 1;
const OP_MSG = 2013;

/**
 * The iteration count of a SCRAM server-first-message (RFC 5802 §5.1), from a million on. MongoDB's defaults are 10,000
 * and 15,000. Read as loosely as the driver does (parseInt), wherever in a reply it stands.
 */
const ENDLESS_SCRAM = /i=\s*\+?0*[1-9]\d{6}/;

export type Guard = {
  /** Gives the whole messages that a chunk completes, empty when it completes none; undefined when all must end here. */
  take(chunk: Buffer): Buffer | undefined;
  /** Whether a whole message was seen. */
  readonly answered: boolean;
};

export function createGuard(): Guard {
  let waiting: Buffer = Buffer.alloc(0);
  let total = 0;
  let answered = false;
  return {
    get answered() {
      return answered;
    },
    take(chunk) {
      total += chunk.length;
      if (total > MAX_TOTAL_BYTES) return undefined;
      waiting = waiting.length === 0 ? chunk : Buffer.concat([waiting, chunk]);
      let end = 0;
      for (;;) {
        const rest = waiting.subarray(end);
        if (rest.length < 4) break;
        const length = rest.readInt32LE(0);
        if (length < HEADER_BYTES || length > MAX_MESSAGE_BYTES) return undefined;
        if (rest.length < length) break;
        const code = rest.readInt32LE(12);
        if (code !== OP_REPLY && code !== OP_MSG) return undefined;
        if (ENDLESS_SCRAM.test(rest.toString("utf8", HEADER_BYTES, length))) return undefined;
        answered = true;
        end += length;
      }
      const passed = waiting.subarray(0, end);
      waiting = waiting.subarray(end);
      return passed;
    },
  };
}
