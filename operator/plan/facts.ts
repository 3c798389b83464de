/**
 * What the rules ask about one observation. Costly facts are computed when a rule first asks for them, and once: in a steady
 * state an early rule decides, so no source is resolved and no content is made.
 */
import { isDeepStrictEqual } from "node:util";
import type { Verdict } from "#api/check";
import type { AppSecretSpec, SecretValue } from "#api/schema/spec";
import { specParser } from "#api/schema/spec";
import type { PublishedSecret, SourceVersion, Verification } from "#api/status";
import type { TypeDefinition } from "#api/types/define";
import { TYPES } from "#api/types/index";
import { secretKey } from "#api/schema/target";
import { checkedKeys, disabledBecause } from "#api/types/of-spec";
import { content } from "./content.ts";
import type { Holder, Observed, SecretMeta } from "./observed.ts";
import { contentOf } from "./observed.ts";
import { ownershipProblem } from "./ownership.ts";
import type { Resolved } from "./sources.ts";
import { resolveSources, sourceVersions } from "./sources.ts";
import { mayPublish, recordOf, verdictOf } from "./verdict.ts";
import { isRecordedAsVerified, isVerified, leaves } from "./verified.ts";
import type { CheckedSpec } from "./check-subject.ts";
import { isChecked } from "./check-subject.ts";

/** A fact, once it is computed: it may be `undefined`. */
type Known<T> = { value: T };

/**
 * A fact may depend on what an earlier rule has ruled out; asked before that rule, it throws.
 *
 * A class, for its getters are defined once. As members of an object made for each observation they cost more than the rest of
 * a steady-state pass.
 */
export class Facts {
  readonly observed: Observed;
  readonly now: Date;
  /** The types of AppSecret that there are. */
  readonly types: readonly TypeDefinition[];
  /** What is wrong with the spec; empty for a valid one. */
  readonly problems: readonly string[];
  /** `status.secret`: what was published last. */
  readonly recorded: PublishedSecret | undefined;
  /** The other AppSecret that holds this one's type. */
  readonly rival: Holder | undefined;

  readonly #spec: AppSecretSpec | undefined;
  #inputVersions: SourceVersion[] | undefined;
  #verdict: Known<Verdict | undefined> | undefined;
  #verification: Known<Verification | undefined> | undefined;
  #wasPublished: boolean | undefined;
  #ownershipProblem: Known<string | undefined> | undefined;
  #sources: Resolved | undefined;
  #content: ReturnType<typeof content> | undefined;

  constructor(observed: Observed, now: Date, types: readonly TypeDefinition[] = TYPES) {
    const { appSecret, holder } = observed;
    const parsed = specParser(types)(appSecret.spec);
    this.types = types;
    this.observed = observed;
    this.now = now;
    this.problems = parsed.ok ? [] : parsed.problems;
    this.#spec = parsed.ok ? (parsed.spec as unknown as AppSecretSpec) : undefined;
    this.recorded = appSecret.status?.secret;
    this.rival = holder?.uid === appSecret.metadata.uid ? undefined : holder;
  }

  /** After `invalidSpec`, as all that follow. */
  get spec(): AppSecretSpec {
    return this.#spec ?? askedTooEarly("spec");
  }

  /** Name of the Secret to publish. */
  get targetName(): string {
    return this.spec.target.name ?? this.observed.appSecret.metadata.name;
  }

  /** Why the spec publishes nothing, in a sentence. */
  get disabledBecause(): string | undefined {
    return disabledBecause(this.spec, this.types);
  }

  /** The spec, where the live check applies to it. */
  get checkedSpec(): CheckedSpec | undefined {
    return isChecked(this.spec, this.types) ? this.spec : undefined;
  }

  /** The versions of the sources, as far as they are known. */
  get inputVersions(): SourceVersion[] {
    return (this.#inputVersions ??= sourceVersions(this.spec, this.observed.sources, this.types));
  }

  /** What the live check says: to this process, or else as the status remembers it for the same inputs. */
  get verdict(): Verdict | undefined {
    this.#verdict ??= { value: this.checkedSpec && verdictOf(this.observed, this.inputVersions) };
    return this.#verdict.value;
  }

  /** The verdict lets this generation be published, if that replaces nothing that was verified: see `keptVerified`. */
  get isAllowed(): boolean {
    const { checkedSpec, verdict, types } = this;
    if (checkedSpec === undefined || verdict === undefined) return false;
    if (mayPublish(checkedSpec, verdict, types)) return true;
    // Of a cluster whose address is published, the address is known.
    const host = this.verifiedBefore.length > 0 ? this.verification?.host : undefined;
    return verdict.answer === "Silence" && host !== undefined
      ? mayPublish(checkedSpec, { ...verdict, facts: { ...verdict.facts, host } }, types)
      : false;
  }

  /** The type has a live check, whether or not `spec.verify` asks for one. */
  get hasCheck(): boolean {
    return this.types.find(({ name }) => name === this.spec.type)?.check !== undefined;
  }

  /** What was published last was verified. */
  get wasVerified(): boolean {
    return isRecordedAsVerified(this.observed.appSecret.status);
  }

  /** The Secrets with verified content that a publication would overwrite or withdraw. After `secretNotOwned`. */
  get verifiedBefore(): readonly SecretMeta[] {
    const { target, owned, appSecret } = this.observed;
    const others = owned.filter(({ uid }) => uid !== target?.uid);
    return [...(target ? [target] : []), ...others].filter((secret) => isVerified(secret, appSecret.status));
  }

  /**
   * Those of `verifiedBefore` to which the content must be compared, for nothing has confirmed it. What was published and is put
   * back replaces nothing.
   */
  get replacedUnconfirmed(): readonly SecretMeta[] {
    if (!this.hasCheck || this.wasPublished || this.verdict?.answer === "Yes") return [];
    return this.verifiedBefore;
  }

  /** The values that the live check is about are those of all Secrets that are replaced. After `verifiedUnread`. */
  get leavesVerified(): boolean {
    const { observed, replacedUnconfirmed, spec, data, types } = this;
    const keys = checkedKeys(spec, types).map((key) => secretKey(key, spec.target.keys));
    return replacedUnconfirmed.every((secret) => {
      const before = contentOf(observed, secret)?.data;
      return before !== undefined && leaves(before, data, keys);
    });
  }

  /** Whether the content to publish was verified, now or when it was published before. */
  get isContentVerified(): boolean {
    if (!this.hasCheck) return false;
    if (this.verdict?.answer === "Yes") return true;
    if (this.wasPublished) return this.wasVerified;
    return this.replacedUnconfirmed.length > 0 && this.leavesVerified;
  }

  /** The next `status.verification`. */
  get verification(): Verification | undefined {
    const { checkedSpec, verdict } = this;
    this.#verification ??= {
      value: checkedSpec && verdict && recordOf(this.observed, this.inputVersions, verdict, this.now),
    };
    return this.#verification.value;
  }

  get isCheckDue(): boolean {
    if (!this.checkedSpec) return false;
    const { live } = this.observed;
    return live.due !== undefined || (live.check === undefined && this.verdict === undefined);
  }

  /** This generation, with its sources as they are now, was published under the target's name. */
  get wasPublished(): boolean {
    const { metadata, status } = this.observed.appSecret;
    this.#wasPublished ??=
      this.recorded?.name === this.targetName &&
      this.recorded.generation === metadata.generation &&
      isDeepStrictEqual(status?.sources ?? [], this.inputVersions);
    return this.#wasPublished;
  }

  /** The verdict does not change the address of the Atlas cluster that was published. */
  get hasSameHost(): boolean {
    return this.verdict === undefined || this.verification?.host === this.observed.appSecret.status?.verification?.host;
  }

  /** Why the existing Secret of the target's name is not this AppSecret's; undefined where it is, or does not exist. */
  get ownershipProblem(): string | undefined {
    const { target, appSecret } = this.observed;
    this.#ownershipProblem ??= { value: target && ownershipProblem(target, appSecret.metadata.name) };
    return this.#ownershipProblem.value;
  }

  get sources(): Resolved {
    return (this.#sources ??= resolveSources(this.spec, this.observed.sources, this.types));
  }

  /** Gives a value of the spec as base64. After `sourcesUnread` and `sourceMissing`, as all that follow. */
  get read(): (value: SecretValue) => string {
    return this.sources.kind === "Resolved" ? this.sources.read : askedTooEarly("read");
  }

  get sourceVersions(): SourceVersion[] {
    return this.sources.kind === "Resolved" ? this.sources.versions : askedTooEarly("sourceVersions");
  }

  get content(): ReturnType<typeof content> {
    return (this.#content ??= content(this.spec, this.read, this.verification?.host, this.types));
  }

  /** Base64 by published key. After `invalidContent`. */
  get data(): Readonly<Record<string, string>> {
    return this.content.ok ? this.content.data : askedTooEarly("data");
  }
}

/** A mistake in the order of the rules. */
function askedTooEarly(fact: keyof Facts): never {
  throw new Error(`the fact "${fact}" was asked before the rule that makes it certain`);
}
