/**
 * What the rules ask about one observation. Each fact is computed when a rule first asks for it, and once: in a steady state
 * an early rule decides, so no source is resolved and no content is made.
 */
import { isDeepStrictEqual } from "node:util";
import type { Verdict } from "#api/check";
import type { AppSecretSpec, SecretValue } from "#api/schema/spec";
import { parseSpec } from "#api/schema/spec";
import type { PublishedSecret, SourceVersion, Verification } from "#api/status";
import { content } from "./content.ts";
import type { Holder, Observed } from "./observed.ts";
import { ownershipProblem } from "./ownership.ts";
import type { Resolved } from "./sources.ts";
import { resolveSources, sourceVersions } from "./sources.ts";
import { mayPublish, recordOf, verdictOf } from "./verdict.ts";
import type { CheckedSpec } from "./verification.ts";
import { isChecked } from "./verification.ts";

/** A fact may depend on what an earlier rule has ruled out; asked before that rule, it throws. */
export type Facts = {
  readonly observed: Observed;
  readonly now: Date;
  /** What is wrong with the spec; empty for a valid one. */
  readonly problems: readonly string[];
  /** After `invalidSpec`, as all that follow. */
  readonly spec: AppSecretSpec;
  /** Name of the Secret to publish. */
  readonly targetName: string;
  /** The other AppSecret that holds this one's type. */
  readonly rival: Holder | undefined;
  /** `status.secret`: what was published last. */
  readonly recorded: PublishedSecret | undefined;
  /** The spec, where the live check applies to it. */
  readonly checkedSpec: CheckedSpec | undefined;
  /** What the live check says: from this process, or else as the status remembers it for the same inputs. */
  readonly verdict: Verdict | undefined;
  /** The verdict lets this generation be published. */
  readonly isAllowed: boolean;
  /** The next `status.verification`. */
  readonly verification: Verification | undefined;
  readonly isCheckDue: boolean;
  /** This generation, with its sources as they are now, was published under the target's name. */
  readonly wasPublished: boolean;
  /** The verdict does not change the address of the Atlas cluster that was published. */
  readonly hasSameHost: boolean;
  /** Why the existing Secret of the target's name is not this AppSecret's; undefined where it is, or does not exist. */
  readonly ownershipProblem: string | undefined;
  readonly sources: Resolved;
  /** After `sourcesUnread` and `sourceMissing`, as all that follow. Gives a value of the spec as base64. */
  readonly read: (value: SecretValue) => string;
  readonly sourceVersions: SourceVersion[];
  readonly content: ReturnType<typeof content>;
  /** After `invalidContent`. Base64 by published key. */
  readonly data: Readonly<Record<string, string>>;
};

export function factsOf(observed: Observed, now: Date): Facts {
  const { appSecret, target, live } = observed;
  const { metadata, status } = appSecret;
  const parsed = parseSpec(appSecret.spec);
  const recorded = status?.secret;

  const verdict = once(() => facts.checkedSpec && verdictOf(observed, facts.checkedSpec));
  const verification = once(
    () => facts.checkedSpec && facts.verdict && recordOf(observed, facts.checkedSpec, facts.verdict),
  );
  const wasPublished = once(
    () =>
      recorded?.name === facts.targetName &&
      recorded.generation === metadata.generation &&
      isDeepStrictEqual(status?.sources ?? [], sourceVersions(facts.spec, observed.sources)),
  );
  const ownership = once(() => target && ownershipProblem(target, metadata.name));
  const sources = once(() => resolveSources(facts.spec, observed.sources));
  const made = once(() => content(facts.spec, facts.read, facts.verification?.host));

  const facts: Facts = {
    observed,
    now,
    recorded,
    rival: observed.holder?.uid === metadata.uid ? undefined : observed.holder,
    problems: parsed.ok ? [] : parsed.problems,
    get spec() {
      return parsed.ok ? parsed.spec : askedTooEarly("spec");
    },
    get targetName() {
      return facts.spec.target.name ?? metadata.name;
    },
    get checkedSpec() {
      return isChecked(facts.spec) ? facts.spec : undefined;
    },
    get verdict() {
      return verdict();
    },
    get isAllowed() {
      return (
        facts.checkedSpec !== undefined && facts.verdict !== undefined && mayPublish(facts.checkedSpec, facts.verdict)
      );
    },
    get verification() {
      return verification();
    },
    get isCheckDue() {
      if (!facts.checkedSpec) return false;
      return live.due !== undefined || (live.check === undefined && facts.verdict === undefined);
    },
    get wasPublished() {
      return wasPublished();
    },
    get hasSameHost() {
      return facts.verdict === undefined || facts.verification?.host === status?.verification?.host;
    },
    get ownershipProblem() {
      return ownership();
    },
    get sources() {
      return sources();
    },
    get read() {
      return facts.sources.kind === "Resolved" ? facts.sources.read : askedTooEarly("read");
    },
    get sourceVersions() {
      return facts.sources.kind === "Resolved" ? facts.sources.versions : askedTooEarly("sourceVersions");
    },
    get content() {
      return made();
    },
    get data() {
      return facts.content.ok ? facts.content.data : askedTooEarly("data");
    },
  };
  return facts;
}

function once<T>(compute: () => T): () => T {
  let known: { value: T } | undefined;
  return () => (known ??= { value: compute() }).value;
}

/** A mistake in the order of the rules. */
function askedTooEarly(fact: keyof Facts): never {
  throw new Error(`the fact "${fact}" was asked before the rule that makes it certain`);
}
