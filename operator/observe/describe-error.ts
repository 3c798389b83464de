import { OperatorError } from "#common/operator-error";

/** What the log may say about an error: the message only of an OperatorError. */
export type DescribedError = {
  name: string;
  code?: string;
  message?: string;
  /** Of an OperatorError, which includes its message. */
  stack?: string;
  /** Of any other error: only where it was thrown, `file:…:line:column`. */
  at?: string[];
  cause?: DescribedError;
  errors?: DescribedError[];
};

/** A name or a code, as the language and libraries write them; anything else there is left out. */
const IDENTIFIER = /^[A-Za-z_$][\w$-]{0,63}$/;
/** A stack frame, as V8 writes it, in a file or in Node itself. The rest of a stack is left out: its head is the message. */
const FRAME = /^ {4}at (?:.* \()?((?:file:\/\/|node:|\/)[^\s()@?#]*:\d+:\d+)\)?$/;
const MAX_FRAMES = 8;
const MAX_DEPTH = 4;

/**
 * An error for the log. An OperatorError is logged whole, since its message never carries a secret
 * (common/operator-error.ts). Of any other error the log has only the name, the code and the places it came from: drivers
 * put whole URIs, including passwords, in their messages (mongodb_exporter#1345).
 */
export function describeError(error: unknown, depth = 0): DescribedError {
  if (!(error instanceof Error)) return { name: `thrown ${error === null ? "null" : typeof error}` };
  const cause = error.cause !== undefined && depth < MAX_DEPTH ? { cause: describeError(error.cause, depth + 1) } : {};
  if (error instanceof OperatorError) {
    const stack = error.stack === undefined ? {} : { stack: error.stack };
    return { name: error.name, code: error.code, message: error.message, ...stack, ...cause };
  }
  const { code } = error as { code?: unknown };
  const at = framesOf(error);
  return {
    name: IDENTIFIER.test(error.name) ? error.name : "Error",
    ...(typeof code === "number" || (typeof code === "string" && IDENTIFIER.test(code)) ? { code: String(code) } : {}),
    ...(at.length > 0 ? { at } : {}),
    ...cause,
    ...(error instanceof AggregateError && depth < MAX_DEPTH
      ? { errors: error.errors.slice(0, MAX_FRAMES).map((one) => describeError(one, depth + 1)) }
      : {}),
  };
}

/** From the end of the stack up to the first line that is not a frame: a message can have lines that look like frames. */
function framesOf(error: Error): string[] {
  const lines = (error.stack ?? "").trimEnd().split("\n");
  const frames: string[] = [];
  for (const line of lines.reverse()) {
    if (!line.startsWith("    at ")) break;
    const place = FRAME.exec(line)?.[1];
    if (place !== undefined) frames.unshift(place);
  }
  return frames.slice(0, MAX_FRAMES);
}
