/**
 * Reads of the Atlas Admin API, version 2: digest authentication, its nonces and its rate limits.
 *
 * A nonce can be used for many requests, for a short time (Atlas does not say how long). The server issues it before it knows the
 * key, so an idle challenge serves the next request, whichever key that has. A challenge serves one request at a time: its count
 * then reaches the server in order, and no request waits for another that hangs.
 */
import { createHmac, randomBytes } from "node:crypto";

import { retryAfterMs } from "#common/retry-after";
import { sleep } from "#common/sleep";
import { createTokenBuckets } from "#common/token-bucket";
import type { HttpClient, HttpOutcome } from "../network/http.ts";
import type { NetworkFailure } from "../network/network-verdict.ts";
import { type Challenge, digestAuthorization, parseChallenge } from "./digest.ts";

export type AtlasRequest = {
  /** After the base URL and /api/atlas/v2: begins with a slash, percent-encoded, without a query. */
  path: string;
  /** The resource's version, one of those that the API's reference lists for it: 2024-08-05. */
  version: string;
  /** Atlas limits the requests for each project. */
  projectId: string;
  publicKey: string;
  privateKey: string;
  signal: AbortSignal;
};

export type AtlasReply =
  /** `errorCode`: the API's constant, "" if there is none. It and `body` are for decisions, never for messages. */
  | { kind: "Answer"; status: number; errorCode: string; body: unknown }
  /** A 401 to credentials with a valid nonce. */
  | { kind: "KeyRefused" }
  /** The response is not one of Atlas's. */
  | { kind: "NotAtlas" }
  /** The project's limit is used up, by this operator or by others. */
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
  /** https://cloud.mongodb.com, for example: the `base_url` of Atlas's own tools. */
  baseUrl: string;
  /** For each API key in each project. */
  requestsPerMinute: number;
  /** A monotonic clock, in milliseconds. */
  monotonicMs: () => number;
};

/** The description of a cluster with hundreds of regions and shards is well below it. */
const MAX_BYTES = 4 * 1024 * 1024;
const TIMEOUT_MS = 10_000;
/** A check that would wait longer than this for its turn gives up. */
const LONGEST_WAIT_MS = 5_000;
const BURST = 20;
/** Enough for a challenge that was idle for too long, the next one, and one more that is stale at once. */
const MOST_ATTEMPTS = 3;
const IDLE_CHALLENGES = 16;
/** Atlas resets its limits every minute, and does not always say when (Rate Limits, "Response Headers"). */
const RETRY_AFTER_MS = 60_000;
/** The 401s to a key that was accepted, but has no right to do this, or not in this project. */
const KNOWN_BUT_NOT_ALLOWED: ReadonlySet<string> = new Set(["USER_UNAUTHORIZED", "NOT_IN_GROUP"]);

/** @throws TypeError if `baseUrl` is no URL */
export function createAtlasApi({ http, baseUrl, requestsPerMinute, monotonicMs }: AtlasApiOptions): AtlasApi {
  const { origin, pathname: root } = new URL(baseUrl);
  const budgets = createTokenBuckets({ perSecond: requestsPerMinute / 60, burst: BURST }, monotonicMs);
  const idle: Session[] = [];
  const secret = randomBytes(32);

  /** Project and key together: a stranger who knows only a project's ID must not use up the turns of its owners. */
  function payerOf({ projectId, publicKey, privateKey }: AtlasRequest): string {
    const text = JSON.stringify([projectId, publicKey, privateKey]);
    return createHmac("sha256", secret).update(text).digest("base64");
  }

  /** A number: the turn of this payer comes in so many ms, which is too late. */
  async function send(
    request: AtlasRequest,
    payer: string,
    session: Session | undefined,
  ): Promise<HttpOutcome | number> {
    const budget = budgets.of(payer);
    const waitMs = budget.reserve(LONGEST_WAIT_MS);
    if (waitMs === undefined) return budget.waitMs();
    // If the check gives up while it waits, http.get does not send the request.
    if (waitMs > 0) await sleep(waitMs, request.signal);
    const { href, pathname } = new URL(`${root.replace(/\/+$/, "")}/api/atlas/v2${request.path}`, origin);
    return http.get({
      url: href,
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
      /** From an earlier request: a 401 may mean no more than that the nonce has expired. */
      let reused = session !== undefined;
      for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
        const outcome = await send(request, payer, session);
        if (typeof outcome === "number") return { kind: "RateLimited", retryAfterMs: outcome };
        if (outcome.kind !== "Reply") return { kind: "NoReply", failure: outcome };

        const { errorCode, body } = read(outcome.body);
        if (outcome.status !== 401 || (session !== undefined && KNOWN_BUT_NOT_ALLOWED.has(errorCode))) {
          if (session !== undefined && idle.length < IDLE_CHALLENGES) idle.push(session);
          const reply = replyOf(outcome, errorCode, body);
          if (reply.kind === "RateLimited") budgets.of(payer).pause(reply.retryAfterMs);
          return reply;
        }
        const challenge = parseChallenge(outcome.headers["www-authenticate"] ?? "");
        if (session !== undefined && !reused && challenge?.stale !== true) return { kind: "KeyRefused" };
        if (challenge === undefined && session === undefined) return { kind: "NotAtlas" };
        session = challenge && { challenge, count: 0 };
        reused = false;
      }
      return { kind: "NotAtlas" };
    },
  };
}

/** What a response means that is not about the challenge. */
function replyOf(
  { status, headers }: Extract<HttpOutcome, { kind: "Reply" }>,
  errorCode: string,
  body: unknown,
): AtlasReply {
  const wantedMs = retryAfterMs(headers["retry-after"]);
  if (status >= 500) return { kind: "ServerError", status, retryAfterMs: wantedMs };
  if (status === 429) return { kind: "RateLimited", retryAfterMs: wantedMs ?? RETRY_AFTER_MS };
  return { kind: "Answer", status, errorCode, body };
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

/** A body that is not a JSON object has neither. */
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
