/**
 * A little less than `ms`, each time a different value: 60 to 100 per cent. Checks that hang begin together (one per namespace, in
 * one `kubectl apply`). If they also timed out together, everything that waits for them would be published in one burst.
 */
export function jitter(ms: number, random: () => number = Math.random): number {
  return ms * (0.6 + 0.4 * random());
}
