/**
 * Where a live check may connect to. The URL in a spec is written by a stranger: without these rules, anyone who can create an
 * AppSecret could explore the cluster's network with it, or fetch the cloud credentials of the node.
 *
 * Some addresses are never dialled (link-local, metadata, multicast, reserved). Loopback addresses are dialled if --egress-allow
 * names them. So are private ones, except that a database may always be at one. --egress-deny overrides all of it. The ranges
 * are in addresses.ts.
 */
import { lookup as lookupOfSystem } from "node:dns/promises";
import { isIP } from "node:net";
import { createSecureContext } from "node:tls";
import type { SecureContext } from "node:tls";

import { OperatorError } from "#common/operator-error";
import { addressesToJudge, kindOf, kindOfName, normaliseHost, ranges } from "./addresses.ts";
import type { AddressKind } from "./addresses.ts";
import { certificateAuthorities } from "./ca-bundle.ts";

/** What a check connects to, and whether that may be in a private network without the flag --egress-allow. */
export type Purpose = {
  /** In a sentence, with its article: "a login provider". */
  purpose: string;
  mayBePrivate: boolean;
};

export type Address = { address: string; family: 4 | 6 };

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
  resolve(host: string): Promise<readonly Address[]>;
  /**
   * Trusts the CAs of the system and those in the current --ca-bundle. Read it for each connection. It is parsed once for each
   * bundle, because that takes tens of milliseconds.
   */
  readonly secureContext: SecureContext;
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
  /** All addresses of a name. Default: getaddrinfo, which knows /etc/hosts and the search domains of a Pod. */
  lookup?: (name: string) => Promise<readonly Address[]>;
  /** For one look-up, in milliseconds. */
  lookupTimeoutMs?: number;
};

const LOOKUP_TIMEOUT_MS = 5_000;

type Rule = Exclude<AddressKind, "public"> | "denied";

/** @throws TypeError for a CIDR that `parseCidr` does not take */
export function createEgressPolicy(options: EgressOptions = {}): EgressPolicy {
  const { lookupTimeoutMs = LOOKUP_TIMEOUT_MS } = options;
  const allow = ranges(...(options.allow ?? []));
  const deny = ranges(...(options.deny ?? []));
  const lookUp = onceEach(options.lookup ?? systemLookup);
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

  async function resolve(host: string, purpose: Purpose): Promise<readonly Address[]> {
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

    const addresses = await withTimeout(lookUp(normal), lookupTimeoutMs);
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
      resolve: (host) => resolve(host, purpose),
      get secureContext() {
        return secureContext();
      },
    }),
  };
}

type Lookup = NonNullable<EgressOptions["lookup"]>;

/** Looks up each name once at a time: a look-up that hangs would else take another thread of the pool at each attempt. */
function onceEach(lookup: Lookup): Lookup {
  const underWay = new Map<string, Promise<readonly Address[]>>();
  return (name) => {
    const looking = underWay.get(name) ?? lookup(name).finally(() => underWay.delete(name));
    underWay.set(name, looking);
    return looking;
  };
}

async function systemLookup(name: string): Promise<Address[]> {
  const addresses = await lookupOfSystem(name, { all: true, order: "verbatim" });
  return addresses.map(({ address, family }) => ({ address, family: family === 4 ? 4 : 6 }));
}

/** What getaddrinfo says of a name that exists nowhere. Anything else (EAI_AGAIN, a silent server) may pass. */
const NO_SUCH_NAME = "ENOTFOUND";

async function withTimeout(looking: Promise<readonly Address[]>, timeoutMs: number): Promise<readonly Address[]> {
  const timer = Promise.withResolvers<never>();
  const handle = setTimeout(() => timer.reject(resolveFailed()), timeoutMs);
  try {
    return await Promise.race([looking, timer.promise]);
  } catch (error) {
    if (error instanceof EgressError) throw error;
    throw (error as NodeJS.ErrnoException).code === NO_SUCH_NAME ? nameNotFound(error) : resolveFailed(error);
  } finally {
    clearTimeout(handle);
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
