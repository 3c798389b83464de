/** What the status of an AppSecret in a world says, and what its Secret holds. */
import type { Condition, ConditionType } from "#api/status";
import type { World } from "./world.ts";

export function condition({ appSecret }: World, type: ConditionType): Condition {
  const found = appSecret.status?.conditions?.find((candidate) => candidate.type === type);
  if (!found) throw new Error(`there is no condition ${type}`);
  return found;
}

export function says(in_: World, type: ConditionType): string {
  const { status, reason } = condition(in_, type);
  return `${status}/${reason}`;
}

export function has(in_: World, type: ConditionType): boolean {
  return in_.appSecret.status?.conditions?.some((candidate) => candidate.type === type) ?? false;
}

export function values(in_: World, name: string): Record<string, string> {
  const data = in_.secrets.get(name)?.data ?? {};
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, "base64").toString()]));
}
