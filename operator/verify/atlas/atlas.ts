/**
 * Whether an Atlas project has the cluster that an AppSecret names, as seen with its API key. If a database user is set, also
 * whether that user can log in to the cluster.
 *
 * One read of the cluster is enough: a key that sees the cluster sees the project. The project itself is read only if Atlas's
 * answer does not say which of the two is missing. Atlas limits the requests for each project, and people and their tools share
 * that limit.
 */
import type { AtlasSubject, MongoSubject, Verdict } from "#api/check";
import { Reason } from "#api/status";
import { atlasUri } from "#api/types/database/atlas-uri";
import { type AtlasReply, createAtlasApi } from "./admin-api.ts";
import type { HttpClient } from "../network/http.ts";
import { networkVerdict } from "../network/network-verdict.ts";
import { no, notYet, silence, yes } from "../verdict.ts";

export type AtlasCheckOptions = {
  http: HttpClient;
  /** The check of MongoDB servers: an Atlas cluster is one. Never rejects. */
  pingMongo: (subject: MongoSubject, options: { signal: AbortSignal }) => Promise<Verdict>;
  /** Where the Atlas Admin API is: https://cloud.mongodb.com, or that of another Atlas (--atlas-base-url). */
  baseUrl: string;
  /** A monotonic clock, in milliseconds. */
  monotonicMs?: () => number;
  /** For each API key in each project. Atlas once allowed 100 per project, and today allows more for reads. */
  requestsPerMinute?: number;
};

/** The versions of the two resources, and of the project, that the API's reference lists. */
const CLUSTER_VERSION = "2024-08-05";
const FLEX_CLUSTER_VERSION = "2024-11-13";
const PROJECT_VERSION = "2023-01-01";

const NOT_ATLAS =
  "The response does not come from the Atlas Admin API. Check the operator's --atlas-base-url and any proxy.";

/** The error codes for an address that is not on an access list. */
const ADDRESS_REFUSED: ReadonlySet<string> = new Set(["IP_ADDRESS_NOT_ON_ACCESS_LIST", "ORG_REQUIRES_ACCESS_LIST"]);
/** API keys consist of visible ASCII. A text that a person pastes, or that `echo` writes, may end in a line break. */
const API_KEY = /^[\x21-\x7e]+$/;
/** No password can have one (RFC 4013). */
const CONTROL_CHARACTER = /[\x00-\x1f\x7f]/;
/** RFC 1123 host name with at least one dot, as Atlas makes them: cluster0.ab1cd.mongodb.net. */
const SRV_ADDRESS =
  /^mongodb\+srv:\/\/((?=.{1,253}$)(?:[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)$/i;

/**
 * The live check of an Atlas cluster. It never rejects. Its verdicts contain no secret and quote nothing that Atlas said, except
 * the host in `facts.host`.
 *
 * @throws TypeError if `baseUrl` is no URL
 */
export function createAtlasCheck(
  options: AtlasCheckOptions,
): (subject: AtlasSubject, options: { signal: AbortSignal }) => Promise<Verdict> {
  const { http, pingMongo, baseUrl, monotonicMs = () => performance.now(), requestsPerMinute = 80 } = options;
  const api = createAtlasApi({ http, baseUrl, requestsPerMinute, monotonicMs });

  /** Reads the cluster from the API that has it, and the project if the answer leaves open whether it exists. */
  async function find(subject: AtlasSubject, signal: AbortSignal): Promise<Found> {
    // Atlas accepts identifiers in lower case only.
    const projectId = subject.projectId.toLowerCase();
    const project = `/groups/${projectId}`;
    const name = encodeURIComponent(subject.clusterName);
    const get = (path: string, version: string): Promise<AtlasReply> => {
      const { publicKey, privateKey } = subject;
      return api.get({ path, version, projectId, publicKey, privateKey, signal });
    };
    let cluster = await get(`${project}/clusters/${name}`, CLUSTER_VERSION);
    if (isAnswer(cluster, 400, "CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API")) {
      cluster = await get(`${project}/flexClusters/${name}`, FLEX_CLUSTER_VERSION);
    }
    if (!isAnswer(cluster, 404)) return { missing: undefined, reply: cluster };
    if (cluster.errorCode === "CLUSTER_NOT_FOUND") return { missing: "cluster" };
    if (cluster.errorCode === "GROUP_NOT_FOUND") return { missing: "project" };
    const reply = await get(project, PROJECT_VERSION);
    if (isAnswer(reply, 200)) return { missing: "cluster" };
    return isAnswer(reply, 404) ? { missing: "project" } : { missing: undefined, reply };
  }

  return async (subject, { signal }) => {
    const mistake = malformed(subject);
    if (mistake !== undefined) return mistake;
    const verdict = judge(await find(subject, signal), subject.clusterName);
    const host = verdict.answer === "Yes" ? verdict.facts?.host : undefined;
    if (host === undefined || subject.databaseUser === undefined) return verdict;
    const uri = atlasUri(host, subject.databaseUser);
    const pinged = await pingMongo({ kind: "MongoDB", uri, database: subject.database }, { signal });
    return judgePing(pinged, host, subject.clusterName);
  };
}

type Found = { missing: "cluster" } | { missing: "project" } | { missing: undefined; reply: AtlasReply };

function isAnswer(
  reply: AtlasReply,
  status: number,
  errorCode?: string,
): reply is Extract<AtlasReply, { kind: "Answer" }> {
  return (
    reply.kind === "Answer" && reply.status === status && (errorCode === undefined || reply.errorCode === errorCode)
  );
}

/** The commonest mistake with a value that was pasted or encoded in base64, found without a request. */
function malformed({ publicKey, privateKey, databaseUser }: AtlasSubject): Verdict | undefined {
  const field = !API_KEY.test(publicKey) ? "publicKey" : !API_KEY.test(privateKey) ? "privateKey" : undefined;
  if (field !== undefined) {
    return no(
      Reason.RejectedAPIKey,
      `The ${field} contains blanks, line breaks or other characters that are not allowed in an Atlas API key, perhaps at its end. Remove them.`,
    );
  }
  if (databaseUser !== undefined && CONTROL_CHARACTER.test(databaseUser.password)) {
    return no(
      Reason.RejectedAuthentication,
      "The password of databaseUser contains a control character, most often a line break at its end. Remove it.",
    );
  }
  return undefined;
}

function judge(found: Found, clusterName: string): Verdict {
  if (found.missing === "project") {
    return no(
      Reason.RejectedProject,
      "The Atlas project does not exist, or the API key has no access to it. Check projectId, and that the key belongs to the project's organization.",
    );
  }
  if (found.missing === "cluster") {
    return no(
      Reason.RejectedCluster,
      `The Atlas project has no cluster "${clusterName}". Check clusterName. Upper and lower case matter.`,
    );
  }
  const { reply } = found;
  switch (reply.kind) {
    case "Answer":
      return judgeAnswer(reply, clusterName);
    case "KeyRefused":
      return no(
        Reason.RejectedAPIKey,
        "Atlas rejected the API key. Check publicKey and privateKey, and that the key still exists in the organization.",
      );
    case "NotAtlas":
      return silence(Reason.Unreachable, NOT_ATLAS);
    case "RateLimited":
      return silence(
        Reason.Unreachable,
        "The limit of API requests for the Atlas project is used up for now. The operator retries automatically.",
        { retryAfterMs: reply.retryAfterMs },
      );
    case "ServerError":
      return silence(
        Reason.Unreachable,
        `The Atlas Admin API answered with HTTP status ${reply.status}. The operator retries automatically.`,
        { retryAfterMs: reply.retryAfterMs },
      );
    case "NoReply": {
      const verdict = networkVerdict(reply.failure, "The Atlas Admin API");
      // Its address depends on the operator's flags and network: a problem there says nothing about the cluster.
      return verdict.answer === "No" ? silence(Reason.Unreachable, verdict.message) : verdict;
    }
  }
}

function judgeAnswer(
  { status, errorCode, body }: Extract<AtlasReply, { kind: "Answer" }>,
  clusterName: string,
): Verdict {
  if (status === 200) return judgeCluster(body, clusterName);
  if (ADDRESS_REFUSED.has(errorCode)) {
    return no(
      Reason.RejectedAPIAccess,
      "Atlas does not accept the API key from the operator's address. Add the address that the Kubernetes cluster uses for outgoing connections to the key's IP access list.",
    );
  }
  if (status === 401 || status === 403) {
    return no(
      Reason.RejectedAPIAccess,
      "The API key is not allowed to read the project. Check projectId, grant the key the role Project Read Only in that project, and check that the key's IP access list contains the operator's address.",
    );
  }
  return silence(
    Reason.Unreachable,
    `The Atlas Admin API answered with HTTP status ${status}, which does not tell whether the cluster exists. The operator retries automatically.`,
  );
}

/** The members of the API's cluster description (and of that of Flex clusters) that the check reads. */
type ClusterDescription = {
  stateName?: unknown;
  paused?: unknown;
  connectionStrings?: { standardSrv?: unknown } | null;
};

function judgeCluster(body: unknown, clusterName: string): Verdict {
  const cluster = (typeof body === "object" ? body : null) as ClusterDescription | null;
  if (typeof cluster?.stateName !== "string") return silence(Reason.Unreachable, NOT_ATLAS);
  if (cluster.stateName === "DELETING" || cluster.stateName === "DELETED") {
    return no(Reason.RejectedCluster, `The Atlas cluster "${clusterName}" is being deleted.`);
  }
  if (cluster.paused === true) {
    return no(Reason.RejectedClusterPaused, `The Atlas cluster "${clusterName}" is paused. Resume it in Atlas.`);
  }
  const address = cluster.connectionStrings?.standardSrv;
  if (cluster.stateName === "CREATING" || address === undefined || address === null || address === "") {
    return notYet(
      Reason.RejectedClusterCreating,
      `The Atlas cluster "${clusterName}" is still being created. The operator retries automatically.`,
    );
  }
  const host = typeof address === "string" ? SRV_ADDRESS.exec(address)?.[1] : undefined;
  if (host === undefined) {
    return silence(
      Reason.Unreachable,
      `The address that Atlas returned for cluster "${clusterName}" does not have the form mongodb+srv://HOST.`,
    );
  }
  return yes(`The Atlas project and its cluster "${clusterName}" exist.`, { host: host.toLowerCase() });
}

/** Atlas ends the connections of other addresses in the TLS handshake or before it. */
const ADD_ADDRESS =
  "Check that the IP access list of the Atlas project contains the address that the Kubernetes cluster uses for outgoing connections.";

/** The cause that TLS gives comes first. Its message has the access list already where Atlas's alert is the one for that. */
function withAccessList(message: string): string {
  return message.includes("IP access list")
    ? message
    : `${message} If that does not help, ${ADD_ADDRESS.replace("Check", "check")}`;
}

/** What came of the ping, in words of Atlas: the AppSecret contains neither a connection string nor a host. */
function judgePing(verdict: Verdict, host: string, clusterName: string): Verdict {
  const cluster = `the Atlas cluster "${clusterName}"`;
  if (verdict.answer === "Yes") {
    return yes(`The login to ${cluster} works, and the user has access to the database.`, { host });
  }
  switch (verdict.reason) {
    case Reason.RejectedAuthentication:
      return no(
        verdict.reason,
        `The login of the database user to ${cluster} failed. Compare databaseUser with Database Access in Atlas. A new user works after about a minute.`,
      );
    case Reason.RejectedNotAuthorized:
      return no(
        verdict.reason,
        `The login to ${cluster} works, but the user has no rights in the database. Grant a role in that database, or correct the database's name.`,
      );
    case Reason.RejectedNameNotFound:
      // Atlas itself named the host: a new cluster has no records yet.
      return notYet(verdict.reason, `The address of ${cluster} is not in DNS yet. The operator retries automatically.`);
    case Reason.RejectedTLS:
      return no(verdict.reason, `The TLS handshake with ${cluster} failed. ${withAccessList(verdict.message)}`);
    default:
      if (verdict.answer === "Unverifiable") return { ...verdict, facts: { host } };
      if (verdict.answer !== "Silence") return verdict;
      // Atlas did answer. The address is known even if the cluster cannot be reached from here, by a private endpoint for example.
      return { ...verdict, message: `${verdict.message} ${ADD_ADDRESS}`, facts: { host } };
  }
}
