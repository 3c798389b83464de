/** Loopback ports for servers that have to come back on the same one. */
import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/**
 * Below every system's ephemeral range (Linux from 32768, macOS from 49152): while a server is stopped, the kernel must
 * not hand its port to an outgoing connection.
 */
const FIRST = 20_000;
const LAST = 30_000;

/** A port of 127.0.0.1 that is free now. Another program may still take it first: the caller then tries another. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, LAST);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
