/**
 * Reads of the Atlas Admin API, version 2: digest authentication, its nonces and its rate limits.
 *
 * A nonce is good for many requests, for a short time (Atlas does not say how long). What a server hands out before it knows
 * who asks belongs to nobody, so unused challenges are kept for whoever comes next. One challenge serves one request at
 * a time: its count then reaches the server in order, and no request waits for another that hangs.
 */
import { createHmac, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { type Challenge, digestAuthorization, parseChallenge } from "./digest.ts";
import type { HttpClient, HttpOutcome } from "../network/http.ts";
import type { NetworkFailure } from "../network/network-verdict.ts";
import { createTokenBuckets } from "#common/token-bucket";
import { retryAfterMs } from "#common/retry-after";

export type AtlasRequest = {
  /** Behind the base URL and /api/atlas/v2, beginning with a slash, percent-encoded, without a query. */
  path: string;
  /** The resource's version, one of those that the API's reference lists for it: 2024-08-05. */
  version: string;
  /** What Atlas counts requests for. */
  projectId: string;
  publicKey: string;
  privateKey: string;
  signal: AbortSignal;
};

export type AtlasReply =
  /** `errorCode`: the API's constant, "" when there is none. It and `body` are for decisions, never for messages. */
  | { kind: "Answer"; status: number; errorCode: string; body: unknown }
  /** A 401 to credentials with a nonce that was good. */
  | { kind: "KeyRefused" }
  /** What answers there does not speak as Atlas does. */
  | { kind: "NotAtlas" }
  /** The project's quota is used up, by us or by others. */
  | { kind: "RateLimited"; retryAfterMs: number }
  /** 5xx. */
  | { kind: "ServerError"; status: number; retryAfterMs: number | undefined }
  | { kind: "NoReply"; failure: NetworkFailure };

export type AtlasApi = {
  /** Never rejects. */
  get(request: AtlasRequest): Promise<AtlasReply>;
};

export type AtlasApiOptions = {
  http: HttpClient;
  /** Such as https://cloud.mongodb.com, as the `base_url` of Atlas's own tools. */
  baseUrl: string;
  /** For each API key in each project. */
  requestsPerMinute: number;
  /** Milliseconds, monotonic. */
  monotonicMs: () => number;
};

/** A project with hundreds of regions and shards stays well below it. */
const MAX_BYTES = 4 * 1024 * 1024;
const TIMEOUT_MS = 10_000;
/** A check is given up rather than kept waiting longer than this for its turn. */
const LONGEST_WAIT_MS = 5_000;
const BURST = 20;
/** Enough for a challenge that was kept too long, the next one, and one more that is stale at once. */
const MOST_ATTEMPTS = 3;
const IDLE_CHALLENGES = 16;
/** Atlas fills its quotas up every minute, and does not always say when (Rate Limits, "Response Headers"). */
const RETRY_AFTER_MS = 60_000;
/** The 401s that come after the key was accepted: its owner may not do this, or not in this project. */
const KNOWN_BUT_NOT_ALLOWED: ReadonlySet<string> = new Set(["USER_UNAUTHORIZED", "NOT_IN_GROUP"]);

/** @throws TypeError when `baseUrl` is no URL */
export function createAtlasApi({ http, baseUrl, requestsPerMinute, monotonicMs }: AtlasApiOptions): AtlasApi {
  const { origin, pathname: root } = new URL(baseUrl);
  const budgets = createTokenBuckets({ perSecond: requestsPerMinute / 60, burst: BURST }, monotonicMs);
  const idle: Session[] = [];
  const secret = randomBytes(32);

  /** Project and key together: a stranger who only knows a project's ID must not use up the turns of its owners. */
  function payerOf({ projectId, publicKey, privateKey }: AtlasRequest): string {
    const text = JSON.stringify([projectId, publicKey, privateKey]);
    return createHmac("sha256", secret).update(text).digest("base64");
  }

  /** A number: the turn of `payer` comes in so many ms, which is too late. */
  async function send(
    request: AtlasRequest,
    payer: string,
    session: Session | undefined,
  ): Promise<HttpOutcome | number> {
    const budget = budgets.of(payer);
    const waitMs = budget.reserve(LONGEST_WAIT_MS);
    if (waitMs === undefined) return budget.waitMs();
    // Given up meanwhile, the request is not sent.
    if (waitMs > 0) await sleep(waitMs, undefined, { signal: request.signal }).catch(() => undefined);
    const { href, pathname } = new URL(`${root.replace(/\/+$/, "")}/api/atlas/v2${request.path}`, origin);
    return http.get({
      url: href,
      purpose: "Atlas",
      headers: {
        accept: `application/vnd.atlas.${request.version}+json`,
        ...(session && { authorization: authorization(session, pathname, request) }),
      },
      maxBytes: MAX_BYTES,
      timeoutMs: TIMEOUT_MS,
      // The response to a challenge is bound to a path, and Atlas does not redirect.
      maxRedirects: 0,
      signal: request.signal,
    });
  }

  return {
    async get(request) {
      const payer = payerOf(request);
      let session = idle.pop();
      /** Taken over from an earlier request: a 401 may mean no more than that its time is over. */
      let reused = session !== undefined;
      for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
        const outcome = await send(request, payer, session);
        if (typeof outcome === "number") return { kind: "RateLimited", retryAfterMs: outcome };
        if (outcome.kind !== "Reply") return { kind: "NoReply", failure: outcome };

        const { status, headers } = outcome;
        const { errorCode, body } = read(outcome.body);
        if (status !== 401 || (session !== undefined && KNOWN_BUT_NOT_ALLOWED.has(errorCode))) {
          if (session !== undefined && idle.length < IDLE_CHALLENGES) idle.push(session);
          const askedMs = retryAfterMs(headers["retry-after"], Date.now());
          if (status >= 500) return { kind: "ServerError", status, retryAfterMs: askedMs };
          if (status !== 429) return { kind: "Answer", status, errorCode, body };
          budgets.of(payer).pause(askedMs ?? RETRY_AFTER_MS);
          return { kind: "RateLimited", retryAfterMs: askedMs ?? RETRY_AFTER_MS };
        }
        const challenge = parseChallenge(headers["www-authenticate"] ?? "");
        if (session !== undefined && !reused && challenge?.stale !== true) return { kind: "KeyRefused" };
        if (challenge === undefined && session === undefined) return { kind: "NotAtlas" };
        session = challenge && { challenge, count: 0 };
        reused = false;
      }
      return { kind: "NotAtlas" };
    },
  };
}

/** A challenge, and how many requests have used it. */
type Session = { challenge: Challenge; count: number };

function authorization(session: Session, uri: string, { publicKey, privateKey }: AtlasRequest): string {
  session.count += 1;
  return digestAuthorization({
    challenge: session.challenge,
    count: session.count,
    clientNonce: randomBytes(16).toString("hex"),
    method: "GET",
    uri,
    username: publicKey,
    password: privateKey,
  });
}

/** A body that is no JSON object is an answer without a content. */
function read(bytes: Buffer): { errorCode: string; body: unknown } {
  let body: unknown;
  try {
    body = JSON.parse(bytes.toString());
  } catch {
    return { errorCode: "", body: undefined };
  }
  const errorCode = typeof body === "object" && body !== null && "errorCode" in body ? body.errorCode : undefined;
  return { errorCode: typeof errorCode === "string" ? errorCode : "", body };
}
