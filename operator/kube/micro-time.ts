/** Kubernetes' MicroTime: RFC 3339 with six digits after the second, of which a Date knows three. */
export function microTime(at: Date): string {
  return at.toISOString().replace("Z", "000Z");
}
