/**
 * From a verdict of the live check to what the plan does with it: whether it allows a generation to be published, the
 * condition Verified, and the record in the status by which the next process knows it.
 */
import { isDeepStrictEqual } from "node:util";
import type { Verdict } from "#api/check";
import { SETTLING_MS } from "#api/check";
import type { AppSecretSpec } from "#api/schema/spec";
import type { TypeDefinition } from "#api/types/define";
import { isComplete } from "#api/types/of-spec";
import type { AppSecretStatus, SourceVersion, Verification } from "#api/status";
import { Reason } from "#api/status";
import type { Observed, ObservedAppSecret, Source } from "./observed.ts";
import type { Unstamped } from "./conditions.ts";
import { inSeconds } from "./conditions.ts";

/** Names what a check of an AppSecret is about: the generation, and the versions of the sources. */
export function inputsOf({ metadata }: ObservedAppSecret, sources: ReadonlyMap<string, Source>): string {
  const versions = [...sources].map(([name, source]) =>
    source.found ? `${name}:${source.uid}:${source.resourceVersion}` : `${name}:none`,
  );
  return [metadata.uid, metadata.generation ?? 0, ...versions].join(" ");
}

/** The verdict that this process received, or else the one that the status remembers of the same inputs. */
export function verdictOf(observed: Observed, sources: readonly SourceVersion[]): Verdict | undefined {
  const { check } = observed.live;
  return check?.state === "Answered" ? check.verdict : rememberedVerdict(observed, sources);
}

/** The verdict that the status holds, if it is about this generation and these sources. */
export function rememberedVerdict(
  { appSecret }: Pick<Observed, "appSecret">,
  sources: readonly SourceVersion[],
): Verdict | undefined {
  const { verification, conditions } = appSecret.status ?? {};
  const verified = conditions?.find(({ type }) => type === "Verified");
  if (verification === undefined || verified === undefined) return undefined;
  if (verification.generation !== appSecret.metadata.generation) return undefined;
  if (!isDeepStrictEqual(verification.sources ?? [], sources)) return undefined;
  const { answer, passing } = verification.answer === undefined ? olderRecord(appSecret.status) : verification;
  const { message } = verified;
  const reason = verified.reason as Reason;
  switch (answer) {
    case "Yes":
      return {
        answer,
        message,
        ...(verification.host === undefined ? {} : { facts: { host: verification.host } }),
      };
    case "Unverifiable":
      return {
        answer,
        reason,
        message,
        ...(verification.host === undefined ? {} : { facts: { host: verification.host } }),
      };
    case "No":
      return { answer, reason, message, passing: passing === true };
    case "Silence":
      return { answer, reason, message };
    default:
      return undefined;
  }
}

/** What a status says that was written before its record held the answer: the conditions imply it. */
function olderRecord(status: AppSecretStatus | undefined): Pick<Verification, "answer" | "passing"> {
  const verified = status?.conditions?.find(({ type }) => type === "Verified");
  switch (verified?.status) {
    case "True":
      return { answer: "Yes" };
    case "False":
      return { answer: "No", passing: !status?.conditions?.some(({ type }) => type === "Stalled") };
    case "Unknown":
      return { answer: "Silence" };
    default:
      return {};
  }
}

/**
 * - A yes may be published.
 * - A no may not, whatever `verify` says.
 * - What cannot be checked, and silence, may be under BestEffort, except where a published value is then missing: only Atlas
 *   knows the address of its cluster. And it must be the target's silence, not the operator's: that nobody was asked proves nothing.
 *
 * Whether anything that was verified would be replaced is another question: see rules/keep-verified.ts.
 */
export function mayPublish(spec: AppSecretSpec, verdict: Verdict, types?: readonly TypeDefinition[]): boolean {
  switch (verdict.answer) {
    case "Yes":
      return true;
    case "No":
      return false;
    case "Unverifiable":
    case "Silence":
      if (verdict.reason === Reason.CheckNotMade) return false;
      return spec.verify === "BestEffort" && isComplete(spec, verdict.facts ?? {}, types);
  }
}

/** Whether what the verdict holds against the AppSecret can go away without a person; of any no it may, for the first two minutes. */
export function isPassing(verdict: Verdict, verification: Verification, now: Date): boolean {
  switch (verdict.answer) {
    case "Yes":
    case "Unverifiable":
      return false;
    case "No":
      return verdict.passing || settlesInMs(verification, now) > 0;
    case "Silence":
      return true;
  }
}

/** For how long a no may still repair itself before a person has to act, in ms. */
export function settlesInMs({ failingSince }: Verification, now: Date): number {
  const remaining = Date.parse(failingSince ?? "") + SETTLING_MS - now.getTime();
  return remaining > 0 ? Math.min(remaining, SETTLING_MS) : 0;
}

/** The condition Verified. */
export function conditionOf(verdict: Verdict): Unstamped {
  const { message } = verdict;
  switch (verdict.answer) {
    case "Yes":
      return { status: "True", reason: Reason.Verified, message };
    case "No":
      return { status: "False", reason: verdict.reason, message };
    case "Unverifiable":
    case "Silence":
      return { status: "Unknown", reason: verdict.reason, message };
  }
}

/** Ends the message of a verdict that `verify` does not accept, once: the next process reads it back from the status. */
const TO_PUBLISH_ANYWAY =
  "With verify: Strict it is not published. To publish it without a full check, set verify: BestEffort.";

/** The condition Verified of an AppSecret that its verdict holds back. Under BestEffort only a no does, or a missing value. */
export function heldConditionOf(spec: AppSecretSpec, verdict: Verdict): Unstamped {
  const condition = conditionOf(verdict);
  const isToBeNamed = verdict.answer === "Unverifiable" && spec.verify === "Strict";
  return isToBeNamed && !condition.message.endsWith(TO_PUBLISH_ANYWAY)
    ? { ...condition, message: `${condition.message} ${TO_PUBLISH_ANYWAY}` }
    : condition;
}

/** `status.verification`: what the verdict is about, and what the next process must know of it. */
export function recordOf(observed: Observed, sources: SourceVersion[], verdict: Verdict, now: Date): Verification {
  const { appSecret, live } = observed;
  const { metadata, status } = appSecret;
  const before = status?.verification;
  const host = hostAfter(appSecret, verdict);
  const failingSince = failingSinceOf(observed, sources, verdict, now);
  const checkNow = (live.check?.state === "Answered" ? live.check.checkNow : undefined) ?? before?.checkNow;
  return {
    generation: metadata.generation ?? 0,
    ...answerOf(observed, sources, verdict),
    ...(failingSince === undefined ? {} : { failingSince }),
    ...(sources.length > 0 ? { sources } : {}),
    ...(host === undefined ? {} : { host }),
    ...(checkNow === undefined ? {} : { checkNow }),
  };
}

/**
 * A record of a version of the operator that kept no answer stays as it is for as long as its conditions imply the same one:
 * an upgrade writes no status.
 */
function answerOf(
  observed: Observed,
  sources: readonly SourceVersion[],
  verdict: Verdict,
): Pick<Verification, "answer" | "passing"> {
  const answer =
    verdict.answer === "No" ? { answer: verdict.answer, passing: verdict.passing } : { answer: verdict.answer };
  const { status } = observed.appSecret;
  const isImplied =
    status?.verification?.answer === undefined &&
    rememberedVerdict(observed, sources) !== undefined &&
    isDeepStrictEqual(olderRecord(status), answer);
  return isImplied ? {} : answer;
}

/** What cannot be checked stays so: it is no trouble that could repair itself. */
function isTrouble(answer: Verdict["answer"]): boolean {
  return answer === "No" || answer === "Silence";
}

/** A check of the same inputs that failed before was the first, or the one that it goes back to. */
function failingSinceOf(
  observed: Observed,
  sources: readonly SourceVersion[],
  verdict: Verdict,
  now: Date,
): string | undefined {
  if (!isTrouble(verdict.answer)) return undefined;
  const before = rememberedVerdict(observed, sources);
  const isFirst = before === undefined || !isTrouble(before.answer);
  return isFirst ? inSeconds(now) : observed.appSecret.status?.verification?.failingSince;
}

/** The host of the Atlas cluster. Silence does not change the address of a generation that is published. */
function hostAfter({ metadata, status }: ObservedAppSecret, verdict: Verdict): string | undefined {
  const before = status?.verification?.host;
  const isPublished = status?.secret?.generation === metadata.generation;
  if (verdict.answer === "No" || (verdict.answer === "Silence" && isPublished)) return before;
  return verdict.facts?.host ?? before;
}
