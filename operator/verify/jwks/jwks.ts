/**
 * The live check of a login provider: is there a key set at its URL that an application can use?
 *
 * A yes is remembered as long as the provider's caching headers say (at most an hour), and afterwards requested conditionally.
 * A no is not remembered: the person who repairs it wants to see it gone. A failure forgets nothing.
 */
import type { JwksSubject, Verdict } from "#api/check";
import { Reason } from "#api/status";
import { createExpiringMap } from "#common/expiring-map";
import { jitter } from "#common/jitter";
import { retryAfterMs } from "#common/retry-after";
import type { Check } from "../check.ts";
import { freshness } from "../network/freshness.ts";
import type { HttpClient, HttpOutcome } from "../network/http.ts";
import { networkVerdict } from "../network/network-verdict.ts";
import { no, silence } from "../verdict.ts";
import { FIND_JWKS_URI, judgeKeySet } from "./jwk-set.ts";

export type JwksCheckOptions = {
  http: HttpClient;
  /** The wall clock, in ms since the epoch, for the dates in headers. */
  epochMs?: () => number;
  /** A monotonic clock, in milliseconds: a system clock that is set back must not make a verdict fresh for longer. */
  monotonicMs?: () => number;
  /** For the whole request, at most. */
  timeoutMs?: number;
  /** How many providers are remembered. Those that were not requested for the longest time are forgotten first. */
  maxRemembered?: number;
};

/** A set of 100 RSA keys with their certificates has about 250 KB. */
const MAX_BYTES = 256 * 1024;
const MAX_REDIRECTS = 3;
const TIMEOUT_MS = 10_000;
const MAX_REMEMBERED = 4_096;
/** A longer validator is not sent back: servers refuse requests with large headers. */
const MAX_VALIDATOR_LENGTH = 1_024;

type Remembered = { verdict: Verdict; freshUntil: number; validators: Readonly<Record<string, string>> };

/** The provider may answer a fresh check with "unchanged", too. */
export function createJwksCheck(options: JwksCheckOptions): Check<"JWKS"> {
  const { http, timeoutMs = TIMEOUT_MS, maxRemembered = MAX_REMEMBERED } = options;
  const { epochMs = Date.now, monotonicMs = () => performance.now() } = options;
  /** By URI and, where it decides, namespace. A verdict that is not fresh any more still has its validators, so it does not expire. */
  const memory = createExpiringMap<string, Remembered>({ ttlMs: Infinity, maxEntries: maxRemembered, monotonicMs });

  async function fetchKeys(subject: JwksSubject, known: Remembered | undefined, signal: AbortSignal): Promise<Verdict> {
    const { uri, namespace } = subject;
    const outcome = await http.get({
      url: uri,
      headers: { accept: "application/jwk-set+json, application/json;q=0.9, */*;q=0.1", ...known?.validators },
      ...{ maxBytes: MAX_BYTES, maxRedirects: MAX_REDIRECTS, timeoutMs: jitter(timeoutMs), namespace, signal },
    });
    if (outcome.kind !== "Reply") return networkVerdict(outcome, "The login provider");
    const unchanged = outcome.status === 304 ? known : undefined;
    if (unchanged === undefined && (outcome.status < 200 || outcome.status > 299)) {
      return statusVerdict(outcome, epochMs());
    }
    const verdict = unchanged?.verdict ?? (await judgeKeySet(outcome.body));
    const { storable, freshMs } = freshness(outcome.headers, epochMs());
    const freshUntil = monotonicMs() + freshMs;
    const sent = { ...unchanged?.validators, ...validators(outcome.headers) };
    if (storable) memory.set(idOf(subject), { verdict, freshUntil, validators: sent });
    else memory.delete(idOf(subject));
    return verdict;
  }

  return async (subject, { signal, fresh }) => {
    const id = idOf(subject);
    const known = memory.get(id);
    if (known !== undefined && !fresh && monotonicMs() < known.freshUntil) {
      memory.set(id, known);
      return known.verdict;
    }
    const verdict = await fetchKeys(subject, known, signal);
    if (verdict.answer === "No") memory.delete(id);
    return verdict;
  };
}

function idOf({ uri, namespace = "" }: JwksSubject): string {
  return `${namespace} ${uri}`;
}

type Reply = Extract<HttpOutcome, { kind: "Reply" }>;

/** RFC 9110 §13.1: what a conditional request carries. */
function validators(headers: Reply["headers"]): Record<string, string> {
  const { etag, "last-modified": lastModified } = headers;
  const usable = (value: string | undefined): value is string =>
    value !== undefined && value.length <= MAX_VALIDATOR_LENGTH && /^[\x20-\x7e]+$/.test(value);
  return {
    ...(usable(etag) ? { "if-none-match": etag } : {}),
    ...(usable(lastModified) ? { "if-modified-since": lastModified } : {}),
  };
}

/** These say nothing about the URL: it may be the right one. */
const PASSING_STATUS = new Set([408, 425, 429]);

function statusVerdict({ status, headers }: Reply, epochMs: number): Verdict {
  const message = `The login provider answered with HTTP status ${status} instead of its keys.`;
  if (status >= 500 || PASSING_STATUS.has(status)) {
    return silence(Reason.Unreachable, `${message} The operator retries automatically.`, {
      retryAfterMs: retryAfterMs(headers["retry-after"], epochMs),
    });
  }
  return no(Reason.RejectedHTTPStatus, `${message} ${advice(status)}`);
}

function advice(status: number): string {
  switch (status) {
    case 401:
    case 403:
      return "A key set must be readable without signing in. Check jwksUri, and that the provider accepts requests from the cluster.";
    case 404:
    case 410:
      return `Check the path in jwksUri. ${FIND_JWKS_URI}`;
    default:
      return "Check jwksUri.";
  }
}
