/**
 * The live check of a login provider: is there a key set at its URL that an application can use?
 *
 * jose, jwks-rsa and PyJWT follow no redirect by default, so a URL that redirects is refused, and the message names the URL at the
 * end. Where there is no key set, the provider's discovery document may name the right URL.
 *
 * A yes is remembered as long as the provider's caching headers say (at most an hour), and afterwards requested conditionally.
 * A no is not remembered: the person who repairs it wants to see it gone. A failure forgets nothing.
 */
import type { JwksSubject, Verdict } from "#api/check";
import { Reason } from "#api/status";
import { createExpiringMap } from "#common/expiring-map";
import { jitter } from "#common/jitter";
import type { Check } from "../check.ts";
import { freshness } from "../network/freshness.ts";
import type { HttpClient, HttpOutcome } from "../network/http.ts";
import { networkVerdict } from "../network/network-verdict.ts";
import { no } from "../verdict.ts";
import { isOfUse, judgeReply } from "./reply.ts";
import { discoverJwksUri, jwksUriIn, nameable } from "./right-uri.ts";

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
/** How many redirects are followed to find the URL that the message names. */
const MAX_REDIRECTS = 3;
const TIMEOUT_MS = 10_000;
const MAX_REMEMBERED = 4_096;
/** How long it is remembered what the discovery document says: a failing check is repeated often. */
const DISCOVERED_TTL_MS = 600_000;
/** A longer validator is not sent back: servers refuse requests with large headers. */
const MAX_VALIDATOR_LENGTH = 1_024;

const ACCEPT = { accept: "application/jwk-set+json, application/json;q=0.9, */*;q=0.1" };

type Remembered = { verdict: Verdict; freshUntil: number; validators: Readonly<Record<string, string>> };

/** The provider may answer a fresh check with "unchanged", too. */
export function createJwksCheck(options: JwksCheckOptions): Check<"JWKS"> {
  const { http, timeoutMs = TIMEOUT_MS, maxRemembered = MAX_REMEMBERED } = options;
  const { epochMs = Date.now, monotonicMs = () => performance.now() } = options;
  /** By URI and, where it decides, namespace. A verdict that is not fresh any more still has its validators, so it does not expire. */
  const memory = createExpiringMap<string, Remembered>({ ttlMs: Infinity, maxEntries: maxRemembered, monotonicMs });
  /** By the same: the jwks_uri of the discovery document, undefined if none was found. */
  const discovered = createExpiringMap<string, { jwksUri: string | undefined }>({
    ...{ ttlMs: DISCOVERED_TTL_MS, maxEntries: maxRemembered, monotonicMs },
  });

  async function fetchKeys(subject: JwksSubject, known: Remembered | undefined, asked: Asked): Promise<Verdict> {
    const { uri, namespace } = subject;
    const outcome = await http.get({
      url: uri,
      headers: { ...ACCEPT, ...known?.validators },
      ...{ maxBytes: MAX_BYTES, maxRedirects: 0, timeoutMs: jitter(timeoutMs), namespace, signal: asked.signal },
    });
    if (outcome.kind === "BadRedirect") return judgeRedirect(subject, outcome.location, asked);
    if (outcome.kind !== "Reply") return networkVerdict(outcome, WHO);
    const unchanged = outcome.status === 304 ? known : undefined;
    const verdict = unchanged?.verdict ?? (await judgeReply(outcome, epochMs()));
    if (verdict.answer === "Silence") return verdict;
    if (verdict.answer === "No") return withRightUri(verdict, subject, jwksUriIn(outcome.body), asked);
    const { storable, freshMs } = freshness(outcome.headers, epochMs());
    const freshUntil = monotonicMs() + freshMs;
    const sent = { ...unchanged?.validators, ...validators(outcome.headers) };
    if (storable) memory.set(idOf(subject), { verdict, freshUntil, validators: sent });
    else memory.delete(idOf(subject));
    return verdict;
  }

  /** The URL at the end is named only if there is a key set. */
  async function judgeRedirect(subject: JwksSubject, location: string | undefined, asked: Asked): Promise<Verdict> {
    const { uri, namespace } = subject;
    const wrong = `${WHO} redirects to another URL, and libraries that check tokens do not follow redirects.`;
    const end =
      location === undefined
        ? undefined
        : await http.get({
            ...{ url: location, headers: ACCEPT, namespace, signal: asked.signal },
            ...{ maxBytes: MAX_BYTES, maxRedirects: MAX_REDIRECTS - 1, timeoutMs: jitter(timeoutMs) },
          });
    if (end?.kind === "Reply" && isOfUse(await judgeReply(end, epochMs()))) {
      const right = nameable(end.url ?? location ?? "", uri);
      const advice = right === undefined ? "Use the URL at the end of the redirects." : `Set jwksUri to ${right}.`;
      return no(Reason.RejectedRedirect, `${wrong} ${advice}`);
    }
    const refusal = no(Reason.RejectedRedirect, `${wrong} No key set was found there. Check jwksUri.`);
    return withRightUri(refusal, subject, undefined, asked);
  }

  /** @param given what the response itself names */
  async function withRightUri(
    verdict: Verdict,
    subject: JwksSubject,
    given: string | undefined,
    asked: Asked,
  ): Promise<Verdict> {
    const { uri } = subject;
    if (verdict.answer !== "No" || !IS_ABOUT_THE_URL.has(verdict.reason)) return verdict;
    if (hasPlaceholder(uri)) {
      return {
        ...verdict,
        message: `${verdict.message} It contains a placeholder in brackets, such as {tenantid}: replace it by your own value.`,
      };
    }
    let found = asked.fresh ? undefined : discovered.get(idOf(subject));
    if (found === undefined) {
      found = { jwksUri: given ?? (await discoverJwksUri(http, subject, asked.signal)) };
      discovered.set(idOf(subject), found);
    }
    const right = found.jwksUri === undefined ? undefined : nameable(found.jwksUri, uri);
    if (right !== undefined) {
      const message = `${verdict.message} The jwks_uri in the provider's discovery document is ${right}.`;
      return right === uri ? verdict : { ...verdict, message };
    }
    const isEnough = given !== undefined || verdict.reason === Reason.RejectedNoUsableKey;
    return isEnough ? verdict : { ...verdict, message: `${verdict.message} ${FIND_JWKS_URI}` };
  }

  return async (subject, { signal, fresh }) => {
    const id = idOf(subject);
    const known = memory.get(id);
    if (known !== undefined && !fresh && monotonicMs() < known.freshUntil) {
      memory.set(id, known);
      return known.verdict;
    }
    const verdict = await fetchKeys(subject, known, { signal, fresh });
    if (verdict.answer === "No") memory.delete(id);
    return verdict;
  };
}

type Asked = Parameters<Check<"JWKS">>[1];

function idOf({ uri, namespace = "" }: JwksSubject): string {
  return `${namespace} ${uri}`;
}

type Reply = Extract<HttpOutcome, { kind: "Reply" }>;

const WHO = "The login provider";

/** Where the right URL is found. */
const FIND_JWKS_URI = "The provider's /.well-known/openid-configuration contains the right URL as jwks_uri.";

/** Another URL may be the right one. */
const IS_ABOUT_THE_URL: ReadonlySet<Reason> = new Set([
  Reason.RejectedHTTPStatus,
  Reason.RejectedRedirect,
  Reason.RejectedNotJWKS,
  Reason.RejectedNoUsableKey,
]);

/** {tenantid}, <tenant>, ${TENANT}: copied from a manual. A browser and a server see %7B for the bracket. */
function hasPlaceholder(uri: string): boolean {
  return /[{<].*[}>]|%(7b|3c).*%(7d|3e)/i.test(uri);
}

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
