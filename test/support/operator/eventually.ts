import { setTimeout as delay } from "node:timers/promises";

/** How long a promise of the operator may take on a busy machine. On an idle one it is a few milliseconds. */
const PATIENCE_MS = 30_000;
/**
 * What is left to Kubernetes' garbage collector. It looks for kinds that came or went every 30 s only: until then, the Secret of
 * a deleted AppSecret stays. In a run of few files the type is that new.
 */
export const COLLECTED_WITHIN_MS = 90_000;
const POLL_MS = 40;

/**
 * Runs `attempt` until it does not throw, and gives what it returned. When the time is over, what it threw last is thrown:
 * an assertion says there what it found instead.
 *
 * @param ms how long, in milliseconds
 */
export async function eventually<T>(attempt: () => T | Promise<T>, ms = PATIENCE_MS): Promise<T> {
  const deadline = performance.now() + ms;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await delay(POLL_MS);
  }
}
