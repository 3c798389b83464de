import type { Buffer } from "node:buffer";
import type { KeyObject } from "node:crypto";
import type { Key, Keys } from "./keys.ts";

/** A document that a login provider answers with, and tokens that it signed. */
export type JwksCase = {
  /** Whose shape it has, or what is wrong with it. Unique in the corpus: the list of known differences names cases by it. */
  what: string;
  body: string | Buffer;
  /** An application works with the document if it can verify each of them. */
  tokens: readonly TokenSpec[];
};

export type TokenSpec = { privateKey: KeyObject; alg: string; kid?: string };

/** A key as it is listed, and the token that it signs. */
export type Listed = { jwk: Record<string, unknown>; token: TokenSpec };

type Extra = Record<string, unknown>;

/** A public key with the members that a provider adds. `kid` and `alg` also get into the token, unless `token` differs. */
export function listed(key: Key, extra: Extra, token: Partial<TokenSpec> = {}): Listed {
  const alg = typeof extra["alg"] === "string" ? extra["alg"] : key.alg;
  const kid = typeof extra["kid"] === "string" ? { kid: extra["kid"] } : {};
  return { jwk: { ...key.jwk, ...extra }, token: { privateKey: key.privateKey, alg, ...kid, ...token } };
}

export type Builder = (keys: Keys) => Omit<JwksCase, "what">;

/** A key set in which each of `keys` signs a token. `more`: keys that sign none, and members beside `keys`. */
export function signs(
  keys: readonly Listed[],
  more: { idle?: readonly Extra[]; beside?: Extra } = {},
): Omit<JwksCase, "what"> {
  const all = [...keys.map(({ jwk }) => jwk), ...(more.idle ?? [])];
  return { body: JSON.stringify({ keys: all, ...more.beside }), tokens: keys.map(({ token }) => token) };
}

/** Any document, and a token by `key`. */
export function answers(body: string | Buffer, key: Listed): Omit<JwksCase, "what"> {
  return { body, tokens: [key.token] };
}
