/**
 * A little less than `ms`, each time another. Checks that hang begin together (a namespace each, in one `kubectl apply`); were
 * they given up at the same moment, too, all that waits for them would be published in one burst, and others would wait.
 */
export function spread(ms: number, random: () => number = Math.random): number {
  return ms * (0.6 + 0.4 * random());
}
