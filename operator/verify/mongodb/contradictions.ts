/** Options that are right each on its own, and not beside each other: what every driver refuses, and what some of them do. */
import { isTrue, wholeNumber } from "./option-values.ts";
import type { Options } from "./refusal.ts";
import { badOption } from "./refusal.ts";
import type { DoubtCollector } from "./refusal.ts";

/** `isSeveral`: as drivers count hosts, also one that is named twice. */
export type Place = { isSrv: boolean; isSeveral: boolean };

/** MongoDB's "URI Options" specification, and the sources of the drivers. @throws Refused */
export function refuseContradictions(options: Options, { isSrv, isSeveral }: Place): void {
  const is = (name: string) => isTrue(options.get(name));
  const has = (name: string) => options.has(name);
  const number = (name: string) => wholeNumber(options.get(name) ?? "0");

  if (has("tls") && has("ssl") && is("tls") !== is("ssl")) throw badOption("ssl contradicts tls");
  if (has("tlsInsecure") && (has("tlsAllowInvalidCertificates") || has("tlsAllowInvalidHostnames"))) {
    throw badOption("tlsInsecure cannot stand beside tlsAllowInvalidCertificates and tlsAllowInvalidHostnames");
  }
  if (is("directConnection") && isSrv) {
    throw badOption("directConnection cannot be true with mongodb+srv, which stands for several hosts");
  }
  if (is("directConnection") && isSeveral) throw badOption("directConnection cannot be true with more than one host");
  if (is("loadBalanced") && (isSeveral || has("replicaSet") || is("directConnection"))) {
    throw badOption("loadBalanced allows one host only, and neither replicaSet nor directConnection");
  }
  for (const name of ["srvServiceName", "srvMaxHosts"]) {
    if (has(name) && !isSrv) throw badOption(`${name} is allowed with mongodb+srv only`);
  }
  if (number("srvMaxHosts") > 0 && (has("replicaSet") || is("loadBalanced"))) {
    throw badOption("srvMaxHosts cannot stand beside replicaSet and loadBalanced");
  }
  if (options.get("readPreference") === "primary" && number("maxStalenessSeconds") > 0) {
    throw badOption("maxStalenessSeconds cannot stand beside readPreference=primary");
  }
}

/** What PyMongo refuses at once, and the Node.js drivers at the first operation or never. */
export function doubtCombinations(options: Options, doubts: DoubtCollector): void {
  const number = (name: string, otherwise: number) => wholeNumber(options.get(name) ?? String(otherwise));
  const readsPrimary = (options.get("readPreference") ?? "primary") === "primary";
  for (const name of ["maxStalenessSeconds", "readPreferenceTags"]) {
    if (readsPrimary && options.get(name)) doubts.add(`${name} means nothing without a readPreference for secondaries`);
  }
  if (number("heartbeatFrequencyMS", 500) < 500) doubts.add("heartbeatFrequencyMS is less than 500");
  if (isTrue(options.get("journal")) && options.get("w") === "0") doubts.add("journal cannot stand beside w=0");
  const most = number("maxPoolSize", 100);
  if (most > 0 && number("minPoolSize", 0) > most) doubts.add("minPoolSize is more than maxPoolSize");
}
