/**
 * Where a live check may connect to (design §5). A URL in a spec is a stranger's wish: without this, it would let whoever
 * may write an AppSecret look around in the cluster's network, or fetch the node's cloud credentials.
 */
import type { LookupFunction } from "node:net";

/** Who asks: private addresses are fine for a database, and refused for a login provider unless they are allowed. */
export type Purpose = "JWKS" | "MongoDB" | "Atlas";

export type Address = { address: string; family: 4 | 6 };

export type Egress = {
  /**
   * The addresses of a host (a name, or a literal with or without brackets), if every single one of them may be dialled.
   * Dial one of these and nothing else: a second look-up may be answered differently (DNS rebinding).
   *
   * @throws EgressError with code `AddressRefused`, `NameNotFound` (DNS says that there is none) or `ResolveFailed`
   */
  resolve(host: string, purpose: Purpose): Promise<readonly Address[]>;
  /** The same for net.connect and tls.connect, which do not call it for a literal: those go through `resolve` first. */
  lookup(purpose: Purpose): LookupFunction;
  /** The CAs to trust, in PEM: those of the system, and those of --ca-bundle. */
  readonly ca: readonly string[];
};
