/**
 * Cuts a byte stream into lines, whatever the chunks are: a line may come in hundreds of pieces, and a piece may end in
 * the middle of a character. It cuts bytes, not text: the byte 0x0a is never part of another character in UTF-8.
 *
 * Pieces are joined once, when their line ends, so that a line of a MiB in 16 KiB chunks costs a MiB and not its square.
 */
export type LineSplitter = {
  /** @throws RangeError when a line grows beyond `LONGEST_LINE_BYTES`: no watch event is that long. */
  push(chunk: Buffer): void;
  /** Bytes of a line that has not ended. */
  readonly pending: number;
};

/** An object has 1.5 MiB at most in etcd, and JSON may need six bytes for one. */
const LONGEST_LINE_BYTES = 32 * 1_048_576;

export function createLineSplitter(onLine: (line: string) => void): LineSplitter {
  let pieces: Buffer[] = [];
  let pending = 0;

  function keep(piece: Buffer): void {
    pending += piece.length;
    if (pending > LONGEST_LINE_BYTES) throw new RangeError("a line of the stream is longer than any object");
    // A copy: the chunk is a window on a large buffer, which would stay in memory as long as this piece does.
    pieces.push(Buffer.from(piece));
  }

  function take(last: Buffer): string {
    if (pieces.length === 0) return last.toString("utf8");
    const line = Buffer.concat([...pieces, last]).toString("utf8");
    pieces = [];
    pending = 0;
    return line;
  }

  return {
    push(chunk) {
      let start = 0;
      for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
        const line = take(chunk.subarray(start, end));
        start = end + 1;
        if (line.length > 0) onLine(line);
      }
      if (start < chunk.length) keep(chunk.subarray(start));
    },
    get pending() {
      return pending;
    },
  };
}
