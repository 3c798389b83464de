/**
 * Where a live check may connect to. The URL in a spec is written by a stranger: without these rules, anyone who can create an
 * AppSecret could explore the cluster's network with it, or fetch the cloud credentials of the node.
 *
 * Some addresses are never dialled (link-local, metadata, multicast, reserved). Loopback addresses are dialled if --egress-allow
 * names them. So are private ones, except that a database may always be at one. --egress-deny overrides all of it. The ranges
 * are in addresses.ts.
 */
import { isIP } from "node:net";
import { createSecureContext } from "node:tls";
import type { SecureContext } from "node:tls";

import { OperatorError } from "#common/operator-error";
import { addressesToJudge, kindOf, kindOfName, normaliseHost, ranges } from "./addresses.ts";
import type { Address, AddressKind } from "./addresses.ts";
import { certificateAuthorities } from "./ca-bundle.ts";
import { clusterDomainOfSystem, createNameLookup, isAbsent } from "./name-lookup.ts";
import type { NameLookup } from "./name-lookup.ts";
import { searchOrder } from "./name-lookup-search.ts";

export type { Address } from "./addresses.ts";

/** What a check connects to, and whether that may be in a private network without the flag --egress-allow. */
export type Purpose = {
  /** In a sentence, with its article: "a login provider". */
  purpose: string;
  mayBePrivate: boolean;
};

/** For each address, before the next one is tried, in milliseconds: Node's default is too short for another continent. */
export const ATTEMPT_TIMEOUT_MS = 1_000;

/** The way out of one check. */
export type Egress = {
  /**
   * The addresses of a host (a name, or a literal with or without brackets), if every single one of them may be dialled.
   * Dial one of these and nothing else: a second look-up may be answered differently (DNS rebinding).
   *
   * @throws EgressError with code `AddressRefused`, `NameNotFound` (DNS says that there is none) or `ResolveFailed`
   */
  resolve(host: string, options?: ResolveOptions): Promise<readonly Address[]>;
  /**
   * The hosts that a host may stand for in the namespace, in the order in which to look up their records.
   *
   * @param prefix what stands before the host in the name of the record: `_mongodb._tcp.`
   */
  searchOrder(host: string, options: { namespace?: string | undefined; prefix: string }): readonly string[];
  /**
   * Trusts the CAs of the system and those in the current --ca-bundle. Read it for each connection. It is parsed once for each
   * bundle, because that takes tens of milliseconds.
   */
  readonly secureContext: SecureContext;
};

export type ResolveOptions = {
  /** Of the AppSecret, as the check's subject has it: whose search list applies. */
  namespace?: string | undefined;
  /** Ends the look-up. */
  signal?: AbortSignal | undefined;
};

/** The rules of this operator, the same for all checks. */
export type EgressPolicy = { egressFor(purpose: Purpose): Egress };

/** The message names the rule and the flag that helps. It never has the address of a name: that would map the network. */
export class EgressError extends OperatorError {
  declare readonly code: "AddressRefused" | "NameNotFound" | "ResolveFailed";

  constructor(code: EgressError["code"], message: string, options?: ErrorOptions) {
    super(code, message, options);
    this.name = "EgressError";
  }
}

export type EgressOptions = {
  /** CIDRs, as `parseCidr` takes them. */
  allow?: readonly string[];
  /** CIDRs, as `parseCidr` takes them. */
  deny?: readonly string[];
  /** Gives the content of --ca-bundle, which may change: certificates in PEM, as `parseCaBundle` takes them. */
  caBundle?: () => string;
  /** All addresses of a name. Default: /etc/hosts and DNS, as the workloads of a namespace have them. */
  lookup?: NameLookup;
  /** Default: as /etc/resolv.conf tells it, otherwise cluster.local. */
  clusterDomain?: string | undefined;
  /** For one look-up, in milliseconds. */
  lookupTimeoutMs?: number;
};

const LOOKUP_TIMEOUT_MS = 5_000;

type Rule = Exclude<AddressKind, "public"> | "denied";

/** @throws TypeError for a CIDR that `parseCidr` does not take */
export function createEgressPolicy(options: EgressOptions = {}): EgressPolicy {
  const { lookupTimeoutMs = LOOKUP_TIMEOUT_MS, clusterDomain = clusterDomainOfSystem() } = options;
  const allow = ranges(...(options.allow ?? []));
  const deny = ranges(...(options.deny ?? []));
  const lookUp = options.lookup ?? createNameLookup({ clusterDomain });
  let trusted: { bundle: string | undefined; secureContext: SecureContext } | undefined;

  function brokenRule(address: string, { mayBePrivate }: Purpose): Rule | undefined {
    const judged = addressesToJudge(address);
    if (deny.has(withoutZone(address)) || judged.some((one) => deny.has(one))) return "denied";
    for (const one of judged) {
      const kind = kindOf(one);
      if (kind === "public" || (kind === "private" && mayBePrivate)) continue;
      if (kind === "forbidden" || !allow.has(one)) return kind;
    }
    return undefined;
  }

  function assertAllowed(address: string, purpose: Purpose): void {
    const rule = brokenRule(address, purpose);
    if (rule !== undefined) throw refusal(rule, purpose);
  }

  async function resolve(host: string, purpose: Purpose, asked: ResolveOptions): Promise<readonly Address[]> {
    const normal = normaliseHost(host);
    if (normal === undefined) {
      throw new EgressError("NameNotFound", "The host is neither a name nor an address. Check its spelling.");
    }
    const literal = normal.replace(/^\[(.*)\]$/, "$1");
    const family = isIP(literal);
    if (family === 4 || family === 6) {
      assertAllowed(literal, purpose);
      return [{ address: literal, family }];
    }
    const kind = kindOfName(normal);
    if (kind === "forbidden") throw refusal("forbidden", purpose);
    if (kind === "loopback" && !allow.has("127.0.0.1") && !allow.has("::1")) throw refusal("loopback", purpose);

    const { namespace } = asked;
    const addresses = await withTimeout(
      (signal) => lookUp(normal, { namespace, signal }),
      lookupTimeoutMs,
      asked.signal,
    );
    if (addresses.length === 0) throw nameNotFound();
    // One bad address spoils all: a name that points both inside and outside is how rebinding is done, and no honest name has
    // a link-local address.
    for (const { address } of addresses) assertAllowed(address, purpose);
    return addresses;
  }

  function secureContext(): SecureContext {
    const bundle = options.caBundle?.();
    if (trusted === undefined || trusted.bundle !== bundle) {
      trusted = { bundle, secureContext: createSecureContext({ ca: certificateAuthorities(bundle) }) };
    }
    return trusted.secureContext;
  }

  return {
    egressFor: (purpose) => ({
      resolve: (host, asked = {}) => resolve(host, purpose, asked),
      searchOrder: (host, asked) => searchOrder(host, { clusterDomain, ...asked }),
      get secureContext() {
        return secureContext();
      },
    }),
  };
}

/** Whatever the look-up itself does, it is over when the time is up or `outer` is aborted. */
async function withTimeout(
  lookUp: (signal: AbortSignal) => Promise<readonly Address[]>,
  timeoutMs: number,
  outer: AbortSignal | undefined,
): Promise<readonly Address[]> {
  const over = new AbortController();
  const ended = Promise.withResolvers<never>();
  const end = () => {
    over.abort();
    ended.reject(resolveFailed());
  };
  const timer = setTimeout(end, timeoutMs);
  outer?.addEventListener("abort", end);
  if (outer?.aborted) end();
  try {
    return await Promise.race([ended.promise, lookUp(over.signal)]);
  } catch (error) {
    if (error instanceof EgressError) throw error;
    throw isAbsent(error) ? nameNotFound(error) : resolveFailed(error);
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener("abort", end);
  }
}

function nameNotFound(cause?: unknown): EgressError {
  return new EgressError(
    "NameNotFound",
    "The host name does not exist in DNS. Check its spelling, and that it can be resolved in the cluster.",
    { cause },
  );
}

function resolveFailed(cause?: unknown): EgressError {
  return new EgressError("ResolveFailed", "DNS gave no answer for the host name.", { cause });
}

function refusal(rule: Rule, { purpose }: Purpose): EgressError {
  const { [rule]: message } = {
    forbidden:
      "The host is or has an address that the operator never connects to: link-local, cloud metadata, multicast or reserved.",
    loopback:
      "The host is or has a loopback address. The operator connects to one only if its flag --egress-allow includes it.",
    private: `The host is or has a private address. The operator connects to one for ${purpose} only if its flag --egress-allow includes it.`,
    denied: "The host is or has an address that the operator's flag --egress-deny forbids.",
  } satisfies Record<Rule, string>;
  return new EgressError("AddressRefused", message);
}

function withoutZone(address: string): string {
  return address.replace(/%.*$/, "");
}
