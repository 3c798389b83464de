/**
 * Where the key set is, when it is not at jwksUri: the provider's discovery document (OpenID Connect Discovery 1.0 §4) says it, and
 * a redirect does. A URL is only ever named in a message, and never followed from there.
 */
import type { JwksSubject } from "#api/check";
import type { HttpClient } from "../network/http.ts";
import { isObject, text } from "./jwk.ts";

const WELL_KNOWN = "/.well-known/openid-configuration";
/** Large providers have 2 to 10 KB. */
const MAX_BYTES = 64 * 1024;
/** For all requests together. */
const TIMEOUT_MS = 5_000;
const MAX_REQUESTS = 4;
/** A longer URL is no help in a message. */
const MAX_LENGTH = 200;

/** Where an issuer's path ends, in the key set URLs of Keycloak, Okta, Entra ID and others. */
const ISSUERS = [/^(?:\/auth)?\/realms\/[^/]+(?=\/)/, /^\/oauth2\/[^/]+(?=\/v1\/)/, /^.*(?=\/\.well-known\/)/];

/**
 * Makes a few small requests to the host of the URI, one after another, and stops at the first discovery document. Never rejects.
 *
 * @returns the document's jwks_uri
 */
export async function discoverJwksUri(
  http: HttpClient,
  { uri, namespace }: JwksSubject,
  signal: AbortSignal,
): Promise<string | undefined> {
  const url = URL.parse(uri);
  if (url === null) return undefined;
  const deadline = performance.now() + TIMEOUT_MS;
  for (const path of issuerPaths(url.pathname).slice(0, MAX_REQUESTS)) {
    const timeoutMs = deadline - performance.now();
    if (timeoutMs <= 0 || signal.aborted) return undefined;
    const outcome = await http.get({
      url: `${url.origin}${path}${WELL_KNOWN}`,
      headers: { accept: "application/json" },
      ...{ maxBytes: MAX_BYTES, maxRedirects: 0, timeoutMs, namespace, signal },
    });
    const found = outcome.kind === "Reply" && outcome.status === 200 ? jwksUriIn(outcome.body) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The paths that the issuer may have, the likeliest first. */
function issuerPaths(pathname: string): string[] {
  const likely = ISSUERS.flatMap((issuer) => issuer.exec(pathname)?.[0] ?? []);
  // Entra ID: /TENANT/discovery/v2.0/keys belongs to the issuer /TENANT/v2.0.
  const [, tenant] = /^(\/[^/]+)\/discovery\/v2\.0\//.exec(pathname) ?? [];
  const folders = pathname.split("/").slice(1, -1);
  const prefixes = folders.map((_, index) => `/${folders.slice(0, folders.length - index).join("/")}`);
  return [...new Set([...(tenant === undefined ? [] : [`${tenant}/v2.0`]), ...likely, "", ...prefixes])].map((path) =>
    path.replace(/\/+$/, ""),
  );
}

/** Undefined if the text is no discovery document. */
export function jwksUriIn(document: Buffer): string | undefined {
  try {
    const value: unknown = JSON.parse(document.toString());
    return isObject(value) ? text(value, "jwks_uri") : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A URL that a server gave, as a message may name it: of the site that the user wrote, and such as a user could have written. So
 * it has no user name, no query, and nothing that is not printable.
 *
 * @param near the jwksUri that the user wrote
 */
export function nameable(given: string, near: string): string | undefined {
  const [url, from] = [URL.parse(given), URL.parse(near)];
  if (url === null || from === null || url.protocol !== "https:" || !isSameSite(url.hostname, from.hostname)) {
    return undefined;
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") return undefined;
  return /^[\w./~:@+=,-]*$/.test(url.pathname) && url.href.length <= MAX_LENGTH ? url.href : undefined;
}

/** One host, or hosts of one domain: login.example.com and keys.example.com, but not a.co.uk and b.co.uk. */
function isSameSite(one: string, other: string): boolean {
  if (one === other) return true;
  const [ours, theirs] = [one, other].map((host) => host.split(".").reverse());
  if (ours === undefined || theirs === undefined || /^[\d.]+$|:/.test(one)) return false;
  const isShort = (ours[0]?.length ?? 0) <= 2 && (ours[1]?.length ?? 0) <= 3;
  const site = isShort ? 3 : 2;
  return ours.length >= site && ours.slice(0, site).join(".") === theirs.slice(0, site).join(".");
}
