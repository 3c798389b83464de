/** Does jobs some at a time, in their order, ahead of the tests that then wait for them one after another. */

/** @returns the result of each job, which may be awaited late: a failure waits for its test, too */
export function ahead<T>(jobs: readonly (() => Promise<T>)[], atOnce: number): Promise<T>[] {
  const results = jobs.map(() => Promise.withResolvers<T>());
  const waiting = [...jobs.entries()];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, job] = next;
      await job().then(results[index]!.resolve, results[index]!.reject);
    }
  };
  for (let hand = 0; hand < atOnce; hand += 1) void work();
  for (const { promise } of results) promise.catch(() => undefined);
  return results.map(({ promise }) => promise);
}
