/**
 * What the machine does meanwhile: a thread that does nothing but look at the clock. When it gets no processor, neither does
 * anybody else, and what was slow at that moment was not slow by itself.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";

export type StallWatch = {
  /** How late the thread has been at most since the last call, in ms. */
  longest: () => Promise<number>;
  stop: () => Promise<void>;
};

const THREAD = `
const { parentPort } = require("node:worker_threads");
const EVERY_MS = 5;
let last = performance.now();
let longest = 0;
setInterval(() => {
  const now = performance.now();
  longest = Math.max(longest, now - last - EVERY_MS);
  last = now;
}, EVERY_MS);
parentPort.on("message", () => {
  parentPort.postMessage(longest);
  longest = 0;
});
`;

export function watchStalls(): StallWatch {
  const thread = new Worker(THREAD, { eval: true });
  // It must not keep a program running that has failed.
  thread.unref();
  return {
    async longest() {
      thread.postMessage(undefined);
      const [ms] = (await once(thread, "message")) as [number];
      return ms;
    },
    async stop() {
      await thread.terminate();
    },
  };
}
