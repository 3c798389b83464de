/** HTTPS GET for live checks: through the egress rules, with caps on time, size and redirects. What comes back is a value. */
import type { Purpose } from "./egress.ts";

export type HttpClient = {
  /** Never rejects. */
  get(request: HttpGet): Promise<HttpOutcome>;
  /** Cuts every connection. */
  close(): Promise<void>;
};

export type HttpGet = {
  /** https only. */
  url: string;
  purpose: Purpose;
  headers?: Readonly<Record<string, string>>;
  /** Of the body, decompressed, in bytes. */
  maxBytes: number;
  /** For the whole of it, redirects included. */
  timeoutMs: number;
  /** How many redirects are followed; each hop is checked like the first. Headers are not sent on to another origin. */
  maxRedirects: number;
  signal?: AbortSignal;
};

export type HttpOutcome =
  | { kind: "Reply"; status: number; headers: Readonly<Record<string, string>>; body: Buffer }
  /** The egress rules forbid the address. */
  | { kind: "AddressRefused" }
  | { kind: "NameNotFound" }
  /** The certificate is not trusted, expired or of another name. `code` as OpenSSL and Node name it. */
  | { kind: "TlsFailed"; code: string }
  /** Too many redirects, or one to where none may lead (http, user information). */
  | { kind: "BadRedirect" }
  | { kind: "TooLarge" }
  | { kind: "TimedOut" }
  | { kind: "ConnectionRefused" }
  /** Any other network failure. `code`: an errno or undici's code, never a message. */
  | { kind: "Unreachable"; code: string };
