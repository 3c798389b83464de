/**
 * The live check of a login provider: is there a key set at its address that an application can use?
 *
 * Verdicts of yes are remembered as long as the provider's caching headers say (at most an hour), and afterwards asked for
 * conditionally. A no is not: the person who repairs it wants to see it gone. A failure forgets nothing.
 */
import type { JwksSubject, Verdict } from "#api/check";
import { Reason } from "#api/status";
import { freshness } from "../network/freshness.ts";
import type { HttpClient, HttpOutcome } from "../network/http.ts";
import { judgeKeySet } from "./jwk-set.ts";
import { networkVerdict } from "../network/network-verdict.ts";
import { retryAfterMs } from "#common/retry-after";
import { jitter } from "#common/jitter";

export type JwksCheckOptions = {
  http: HttpClient;
  /** Epoch milliseconds, for the dates in headers. */
  now?: () => number;
  /** Milliseconds, monotonic: were the system's clock set back, a verdict would be fresh for as long as that. */
  clock?: () => number;
  /** For the whole fetch, at the most. */
  timeoutMs?: number;
  /** How many providers are remembered; the one that was not asked for the longest is forgotten first. */
  remember?: number;
};

/** Never rejects. `fresh`: a person asked, so a remembered verdict is not enough; the provider may still say "unchanged". */
export type JwksCheck = (target: JwksSubject, options: { signal: AbortSignal; fresh: boolean }) => Promise<Verdict>;

/** A set of 100 RSA keys with their certificates has about 250 KB. */
const MAX_BYTES = 256 * 1024;
const MAX_REDIRECTS = 3;
const TIMEOUT_MS = 10_000;
const REMEMBER = 4_096;
/** A longer one is not sent back: servers refuse requests with large headers. */
const MAX_VALIDATOR_LENGTH = 1_024;

type Remembered = { verdict: Verdict; freshUntil: number; validators: Readonly<Record<string, string>> };

export function createJwksCheck(options: JwksCheckOptions): JwksCheck {
  const { http, timeoutMs = TIMEOUT_MS, remember = REMEMBER } = options;
  const { now = Date.now, clock = () => performance.now() } = options;
  /** By URI; the one used last is the last one. */
  const memory = new Map<string, Remembered>();

  function store(uri: string, entry: Remembered): void {
    memory.delete(uri);
    memory.set(uri, entry);
    const [oldest] = memory.keys();
    if (memory.size > remember && oldest !== undefined) memory.delete(oldest);
  }

  async function ask(uri: string, known: Remembered | undefined, signal: AbortSignal): Promise<Verdict> {
    const outcome = await http.get({
      url: uri,
      purpose: "JWKS",
      headers: { accept: "application/jwk-set+json, application/json;q=0.9, */*;q=0.1", ...known?.validators },
      ...{ maxBytes: MAX_BYTES, maxRedirects: MAX_REDIRECTS, timeoutMs: jitter(timeoutMs), signal },
    });
    if (outcome.kind !== "Reply") return networkVerdict(outcome, "The login provider");
    const unchanged = outcome.status === 304 ? known : undefined;
    if (unchanged === undefined && (outcome.status < 200 || outcome.status > 299)) return statusVerdict(outcome, now());

    const verdict = unchanged?.verdict ?? (await judgeKeySet(outcome.body));
    const { storable, freshMs } = freshness(outcome.headers, now());
    const freshUntil = clock() + freshMs;
    if (!storable) memory.delete(uri);
    else store(uri, { verdict, freshUntil, validators: { ...unchanged?.validators, ...validators(outcome.headers) } });
    return verdict;
  }

  return async ({ uri }, { signal, fresh }) => {
    const known = memory.get(uri);
    if (known !== undefined && !fresh && clock() < known.freshUntil) {
      store(uri, known);
      return known.verdict;
    }
    const verdict = await ask(uri, known, signal);
    if (verdict.answer === "No") memory.delete(uri);
    return verdict;
  };
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

/** Of these a refusal says nothing about the address: it may be the right one. */
const PASSING_STATUS = new Set([408, 425, 429]);

function statusVerdict({ status, headers }: Reply, now: number): Verdict {
  if (status >= 500 || PASSING_STATUS.has(status)) {
    const wait = retryAfterMs(headers["retry-after"], now);
    return {
      answer: "Silence",
      reason: Reason.Unreachable,
      message: `The login provider answers with HTTP status ${status} instead of its keys. It is asked again.`,
      ...(wait === undefined ? {} : { retryAfterMs: wait }),
    };
  }
  return {
    answer: "No",
    reason: Reason.RejectedHTTPStatus,
    message: `The login provider answers with HTTP status ${status} instead of its keys. ${advice(status)}`,
    passing: false,
  };
}

function advice(status: number): string {
  switch (status) {
    case 401:
    case 403:
      return "A key set must be readable without signing in: check jwksUri, and whether the provider lets the cluster in.";
    case 404:
    case 410:
      return "Check the path in jwksUri; the provider's /.well-known/openid-configuration names the right one as jwks_uri.";
    default:
      return "Check jwksUri.";
  }
}
