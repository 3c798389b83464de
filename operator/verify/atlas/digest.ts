/**
 * HTTP Digest authentication (RFC 7616), the client's part: a challenge in, the value of an Authorization header out.
 *
 * Written here because no package fits. It must only compute a header, because HttpClient sends all requests: digest-fetch,
 * urllib and axios-digest-auth send requests themselves. digest-header 1.1 (and urllib's copy of it) supports only MD5, splits a
 * challenge at every comma, and cuts a password at its first colon. @mreal/digest-auth supports only MD5 and brings five
 * packages with it.
 *
 * It supports only what is safe: `qop=auth` with a client nonce, in MD5 or SHA-256. No `auth-int` (requests have no body), no
 * session variants, no answer to a challenge without `qop` (RFC 2069), and never another scheme such as Basic.
 */
import { createHash } from "node:crypto";

/** What a server requires. Known to anyone who can reach it, and no secret. */
export type Challenge = {
  realm: string;
  nonce: string;
  opaque: string | undefined;
  /** As the server spells it, and as it is sent back. Undefined means MD5 (RFC 7616 §3.3). */
  algorithm: string | undefined;
  /** The nonce of the request was too old: the same credentials may work with a new one. */
  stale: boolean;
};

export type DigestRequest = {
  challenge: Challenge;
  /** How many requests have used the challenge's nonce, this one included: 1, 2, … */
  count: number;
  /** Unpredictable, of letters and digits, a new one each time. */
  clientNonce: string;
  method: string;
  /** Path and query exactly as in the request line. */
  uri: string;
  /** Visible ASCII, or the header could not be sent. */
  username: string;
  password: string;
};

const HASHES: Readonly<Record<string, string>> = { MD5: "md5", "SHA-256": "sha256" };

/** RFC 9110 §5.6.2 and §5.6.4. */
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const SEPARATORS = /[ \t,]*/y;
const PARAMETER = new RegExp(
  `(${TOKEN})[ \\t]*=[ \\t]*(?:"([^"\\\\]*(?:\\\\.[^"\\\\]*)*)"|(${TOKEN}))(?=[ \\t]*(?:,|$))`,
  "y",
);
/** A scheme, and the one value that some have in place of parameters (Bearer, Negotiate). */
const SCHEME = new RegExp(`(${TOKEN})(?:[ \\t]+[A-Za-z0-9._~+/-]+=*(?=[ \\t]*(?:,|$))|(?=[ \\t,]|$))`, "y");
/** What may be sent back between quotes. No nonce has other characters. */
const PRINTABLE = /^[\x20-\x7e]{0,1024}$/;

/**
 * The first Digest challenge of a WWW-Authenticate header that can be answered: servers put the preferred one first (RFC 7616
 * §3.7). Several headers joined by commas are read like one.
 *
 * @returns undefined if there is none: another scheme, an unknown algorithm, no `qop=auth`, or a malformed header
 */
export function parseChallenge(header: string): Challenge | undefined {
  for (const { scheme, parameters } of challenges(header)) {
    const challenge = scheme === "digest" ? usable(parameters) : undefined;
    if (challenge !== undefined) return challenge;
  }
  return undefined;
}

/** The value of the Authorization header that answers a challenge (RFC 7616 §3.4). A secret: it is never logged. */
export function digestAuthorization(request: DigestRequest): string {
  const { challenge, clientNonce, method, uri, username, password } = request;
  const hash = HASHES[(challenge.algorithm ?? "MD5").toUpperCase()];
  if (hash === undefined) throw new TypeError("a challenge with an algorithm that parseChallenge refuses");
  const digest = (...parts: string[]): string => createHash(hash).update(parts.join(":")).digest("hex");
  const count = request.count.toString(16).padStart(8, "0");
  const user = digest(username, challenge.realm, password);
  const response = digest(user, challenge.nonce, count, clientNonce, "auth", digest(method, uri));
  const fields = [
    `username=${quote(username)}`,
    `realm=${quote(challenge.realm)}`,
    `uri=${quote(uri)}`,
    ...(challenge.algorithm === undefined ? [] : [`algorithm=${challenge.algorithm}`]),
    `nonce=${quote(challenge.nonce)}`,
    `nc=${count}`,
    `cnonce=${quote(clientNonce)}`,
    "qop=auth",
    `response=${quote(response)}`,
    ...(challenge.opaque === undefined ? [] : [`opaque=${quote(challenge.opaque)}`]),
  ];
  return `Digest ${fields.join(", ")}`;
}

/** `parameters`: undefined if a name occurs twice, because readers would disagree on which one counts. */
type Parsed = { scheme: string; parameters: Map<string, string> | undefined };

/** RFC 9110 §11.6.1. Ends at the first thing that is neither a scheme nor a parameter. */
function challenges(header: string): Parsed[] {
  const found: Parsed[] = [];
  let position = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position;
    const match = pattern.exec(header);
    if (match !== null) position = pattern.lastIndex;
    return match;
  };
  for (;;) {
    take(SEPARATORS);
    const last = found.at(-1);
    const parameter = last === undefined ? null : take(PARAMETER);
    if (last !== undefined && parameter !== null) {
      const [, name = "", quoted, token = ""] = parameter;
      if (last.parameters?.has(name.toLowerCase())) last.parameters = undefined;
      last.parameters?.set(name.toLowerCase(), quoted?.replaceAll(/\\(.)/g, "$1") ?? token);
      continue;
    }
    const scheme = take(SCHEME)?.[1];
    if (scheme === undefined) {
      // The rest cannot be parsed, so the last challenge may be incomplete.
      return position === header.length ? found : found.slice(0, -1);
    }
    found.push({ scheme: scheme.toLowerCase(), parameters: new Map() });
  }
}

function usable(parameters: Map<string, string> | undefined): Challenge | undefined {
  const realm = parameters?.get("realm");
  const nonce = parameters?.get("nonce");
  if (parameters === undefined || realm === undefined || nonce === undefined) return undefined;
  const algorithm = parameters.get("algorithm");
  const opaque = parameters.get("opaque");
  const qop = (parameters.get("qop") ?? "").split(",").map((each) => each.trim().toLowerCase());
  if (!Object.hasOwn(HASHES, (algorithm ?? "MD5").toUpperCase()) || !qop.includes("auth")) return undefined;
  if (![realm, nonce, opaque ?? "-"].every((text) => PRINTABLE.test(text))) return undefined;
  return { realm, nonce, opaque, algorithm, stale: parameters.get("stale")?.toLowerCase() === "true" };
}

function quote(text: string): string {
  return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}
