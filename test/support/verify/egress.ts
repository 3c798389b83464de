/** The ways out that the checks have, as the tests use them. */
import type { CheckKind } from "#api/check";
import { CHECKS } from "#verify/checks";
import { createEgressPolicy } from "#verify/network/egress";
import type { Egress, EgressOptions } from "#verify/network/egress";

export function egressFor(kind: CheckKind, options: EgressOptions = {}): Egress {
  return createEgressPolicy(options).egressFor(CHECKS[kind]);
}
