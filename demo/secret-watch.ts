/** Tells how fast the operator is: what happened to the Secrets of a namespace, and when. */
import { spawnKept } from "#testbed/control-plane/lifeline";

export type SecretEvent = { type: string; name: string; atMs: number };

export type SecretWatch = {
  readonly events: readonly SecretEvent[];
  /** Milliseconds from the last event of this type and name to the one that follows it, if there is one. */
  between(first: [type: string, name: string], then: [type: string, name: string]): number | undefined;
  stop(): Promise<void>;
};

/**
 * Watches with kubectl, a program that does not know the operator. The times are those at which its lines arrive. Resolves
 * when the Secrets that are there have been listed, of which there must be one: from there on nothing is missed.
 */
export async function watchSecrets(env: Record<string, string>, namespace: string): Promise<SecretWatch> {
  const events: SecretEvent[] = [];
  const listed = Promise.withResolvers<undefined>();
  const args = ["get", "secrets", "-n", namespace, "--watch", "--output-watch-events", "--no-headers"];
  const kubectl = await spawnKept("kubectl", args, {
    env,
    output: {
      stdout(line) {
        const [type = "", name = ""] = line.split(/\s+/);
        events.push({ type, name, atMs: performance.now() });
        listed.resolve(undefined);
      },
    },
  });
  await Promise.race([listed.promise, kubectl.done()]);
  return {
    events,
    between: ([firstType, firstName], [thenType, thenName]) => {
      const start = events.findLastIndex(({ type, name }) => type === firstType && name === firstName);
      const from = events[start];
      const to = events.find(({ type, name }, index) => index > start && type === thenType && name === thenName);
      return from && to && to.atMs - from.atMs;
    },
    stop: () => kubectl.stop("SIGTERM", 2000),
  };
}
