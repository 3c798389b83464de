/**
 * What the live check has to do with a decision: what is to be checked, what an answer allows, and what of an earlier
 * answer still counts. Whether and when to check is decided here; the checking is operator/verify.
 */
import { isDeepStrictEqual } from "node:util";
import type { Verdict } from "#api/check";
import type { AppSecret } from "#api/schema/spec";
import type { SourceVersion, Verification } from "#api/status";
import { Reason } from "#api/status";
import { isComplete } from "#api/types/of-spec";
import type { CheckedSpec } from "./check-subject.ts";
import type { Statement } from "./conditions.ts";
import type { Observed, Source } from "./observed.ts";
import { sourceVersions } from "./sources.ts";

export { type CheckedSpec, checkSubjectOf, isChecked, phaseOf } from "./check-subject.ts";

/** Names what a check of an AppSecret is about: the generation, and the versions of the sources. */
export function inputsOf({ metadata }: AppSecret, sources: ReadonlyMap<string, Source>): string {
  const versions = [...sources].map(([name, source]) =>
    source.found ? `${name}:${source.uid}:${source.resourceVersion}` : `${name}:none`,
  );
  return [metadata.uid, metadata.generation ?? 0, ...versions].join(" ");
}

/** An answer, as far as the decision is concerned. */
export type Judgement = {
  verified: Statement;
  /** Whether it may be published. */
  allows: boolean;
  /** What keeps it from being published, or speaks against what is published, is it passing? */
  passing: boolean;
  verification: Verification;
};

/** What is known by now: what this process was told, or else what the status remembers of the same inputs. */
export function judgementOf(observed: Observed, spec: CheckedSpec): Judgement | undefined {
  const { check } = observed.live;
  if (check?.state === "Answered") return judge(observed, spec, check.verdict, check.checkNow);
  const remembered = rememberedVerdict(observed, spec);
  return remembered && judge(observed, spec, remembered, undefined);
}

/**
 * - A yes may be published.
 * - A no may not, whatever `verify` says.
 * - Silence may be under BestEffort, except where Atlas itself is silent: only it knows the address that is to be published.
 *   An address that was published is not changed by silence.
 */
function judge(observed: Observed, spec: CheckedSpec, verdict: Verdict, checkNow: string | undefined): Judgement {
  const { appSecret } = observed;
  const before = appSecret.status?.verification;
  const sources = sourceVersions(spec, observed.sources);
  const told = verdict.answer === "No" ? undefined : verdict.facts?.host;
  const isPublished = appSecret.status?.secret?.generation === appSecret.metadata.generation;
  const host = (verdict.answer === "Silence" && isPublished ? before?.host : told) ?? before?.host;
  const handled = checkNow ?? before?.checkNow;
  const verification: Verification = {
    generation: appSecret.metadata.generation ?? 0,
    ...(sources.length > 0 ? { sources } : {}),
    ...(host === undefined ? {} : { host }),
    ...(handled === undefined ? {} : { checkNow: handled }),
  };
  const { message } = verdict;
  switch (verdict.answer) {
    case "Yes":
      return {
        verified: { status: "True", reason: Reason.Verified, message },
        allows: true,
        passing: false,
        verification,
      };
    case "No":
      return {
        verified: { status: "False", reason: verdict.reason, message },
        allows: false,
        passing: verdict.passing,
        verification,
      };
    case "Silence":
      return {
        verified: { status: "Unknown", reason: verdict.reason, message },
        allows: spec.verify === "BestEffort" && isComplete(spec, verdict.facts ?? {}),
        passing: true,
        verification,
      };
  }
}

/** The answer that the status tells, if it is about this generation and these sources. */
export function rememberedVerdict({ appSecret, sources }: Observed, spec: CheckedSpec): Verdict | undefined {
  const { verification, conditions } = appSecret.status ?? {};
  const verified = conditions?.find(({ type }) => type === "Verified");
  if (verification === undefined || verified === undefined) return undefined;
  if (verification.generation !== appSecret.metadata.generation) return undefined;
  const versions: SourceVersion[] = verification.sources ?? [];
  if (!isDeepStrictEqual(versions, sourceVersions(spec, sources))) return undefined;
  const { message } = verified;
  const reason = verified.reason as Reason;
  switch (verified.status) {
    case "True":
      return {
        answer: "Yes",
        message,
        ...(verification.host === undefined ? {} : { facts: { host: verification.host } }),
      };
    case "False":
      return { answer: "No", reason, message, passing: !conditions?.some(({ type }) => type === "Stalled") };
    case "Unknown":
      return { answer: "Silence", reason, message };
  }
}
