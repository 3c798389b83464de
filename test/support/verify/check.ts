/** The MongoDB check as the tests call it, and what must hold of every verdict whatever it says. */
import * as assert from "uvu/assert";
import type { Verdict } from "#api/check";
import type { Address } from "#verify/network/egress";
import { createMongoCheck } from "#verify/mongodb/mongodb";
import { egressFor } from "./egress.ts";

export const USER = "canary-user";
export const PASSWORD = "canary-pass/w@rd%";
export const WRONG_PASSWORD = "canary-wrong";
export const LOGIN = `${USER}:${encodeURIComponent(PASSWORD)}@`;
export const WRONG_LOGIN = `${USER}:${WRONG_PASSWORD}@`;

/** Names that end in .canary-host.test are in no DNS but ours. */
export const DOMAIN = "canary-host.test";

export type CheckOptions = {
  database?: string;
  timeoutMs?: number;
  connectTimeoutMs?: number;
  signal?: AbortSignal;
  caBundle?: string;
  dnsServers?: readonly string[];
  /** Called for each look-up of a name. Default: every name of ours is 127.0.0.1. */
  lookup?: (name: string) => Promise<readonly Address[]>;
};

const LOCAL: Address = { address: "127.0.0.1", family: 4 };

/** One check, by a checker of its own. */
export async function verdictOn(uri: string, options: CheckOptions = {}): Promise<Verdict> {
  const { database = "orders", caBundle, signal = new AbortController().signal, ...rest } = options;
  const lookup = options.lookup ?? (async (name: string) => (name.endsWith(DOMAIN) ? [LOCAL] : []));
  const egress = egressFor("MongoDB", {
    allow: ["127.0.0.0/8", "::1/128"],
    lookup,
    ...(caBundle !== undefined && { caBundle: () => caBundle }),
  });
  const check = createMongoCheck({ egress, ...rest });
  const verdict = await check({ kind: "MongoDB", uri, database }, { signal });
  for (const canary of [USER, "canary-", PASSWORD, encodeURIComponent(PASSWORD), "127.0.0.1", DOMAIN, "mongodb://"]) {
    assert.not.ok(JSON.stringify(verdict).includes(canary), `the verdict quotes ${canary}: ${verdict.message}`);
  }
  for (const port of uri.match(/(?<=:)\d{4,5}(?=[,/])/g) ?? []) {
    assert.not.ok(verdict.message.includes(port), `the verdict quotes the port: ${verdict.message}`);
  }
  assert.match(verdict.message, /^[A-Z].*\.$/);
  return verdict;
}

export type Expected = "Yes" | "Unverifiable CannotBeChecked" | `${"No" | "Waiting" | "Silence"} ${string}`;

/** A verdict in two words: "No RejectedTLS", "Waiting RejectedNameNotFound" (a no that passes), "Silence Unreachable". */
export function inShort(verdict: Verdict): string {
  if (verdict.answer === "Yes") return "Yes";
  return `${verdict.answer === "No" && verdict.passing ? "Waiting" : verdict.answer} ${verdict.reason}`;
}
