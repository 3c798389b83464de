/**
 * Whether an Atlas project has the cluster that an AppSecret names, seen with the API key that it holds (design §5); with a
 * database user, also whether that user gets into the cluster.
 *
 * One read of the cluster tells it all: whoever sees the cluster sees the project. The project itself is read only when
 * Atlas's answer leaves open which of the two is missing. Atlas counts requests for each project, and people and their
 * tools live on the same count.
 */
import { atlasUri } from "#api/types/database/atlas-uri";
import type { AtlasSubject, MongoSubject, Verdict } from "#api/check";
import { Reason } from "#api/status";
import { type AtlasReply, createAtlasApi } from "./admin-api.ts";
import type { HttpClient } from "../network/http.ts";
import { networkVerdict } from "../network/network-verdict.ts";

export type AtlasCheckOptions = {
  http: HttpClient;
  /** The check of MongoDB servers: an Atlas cluster is one. Never rejects. */
  pingMongo: (target: MongoSubject, options: { signal: AbortSignal }) => Promise<Verdict>;
  /** Where the Atlas Admin API is: https://cloud.mongodb.com, or that of another Atlas (--atlas-base-url). */
  baseUrl: string;
  /** Milliseconds, monotonic. */
  monotonicMs?: () => number;
  /** For each API key in each project. Atlas once allowed every project 100, and allows reads more by now. */
  requestsPerMinute?: number;
};

/** The versions of the two resources, and of the project, that the API's reference lists. */
const CLUSTER_VERSION = "2024-08-05";
const FLEX_CLUSTER_VERSION = "2024-11-13";
const PROJECT_VERSION = "2023-01-01";

const NOT_ATLAS = "Something answers in place of the Atlas Admin API. Check --atlas-base-url and any proxy.";

/** How the operator is refused because of where it asks from. */
const ADDRESS_REFUSED: ReadonlySet<string> = new Set(["IP_ADDRESS_NOT_ON_ACCESS_LIST", "ORG_REQUIRES_ACCESS_LIST"]);
/** API keys are of visible ASCII. What a person pastes, or `echo` writes, may end in a line break. */
const API_KEY = /^[\x21-\x7e]+$/;
/** No login can have one (RFC 4013). */
const CONTROL_CHARACTER = /[\x00-\x1f\x7f]/;
/** RFC 1123 host name with at least one dot, as Atlas makes them: cluster0.ab1cd.mongodb.net. */
const SRV_ADDRESS =
  /^mongodb\+srv:\/\/((?=.{1,253}$)(?:[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)$/i;

/**
 * The live check of an Atlas cluster. What it returns never rejects, holds no secret, and quotes nothing that Atlas said but
 * the host of a Yes (`facts.host`).
 *
 * @throws TypeError when `baseUrl` is no URL
 */
export function createAtlasCheck(
  options: AtlasCheckOptions,
): (target: AtlasSubject, options: { signal: AbortSignal }) => Promise<Verdict> {
  const { http, pingMongo, baseUrl, monotonicMs = () => performance.now(), requestsPerMinute = 80 } = options;
  const api = createAtlasApi({ http, baseUrl, requestsPerMinute, monotonicMs });

  /** The cluster by the API that knows it, and where that is in doubt, the project. */
  async function look(target: AtlasSubject, signal: AbortSignal): Promise<Found> {
    // Atlas knows identifiers in lower case only.
    const projectId = target.projectId.toLowerCase();
    const project = `/groups/${projectId}`;
    const name = encodeURIComponent(target.clusterName);
    const get = (path: string, version: string): Promise<AtlasReply> => {
      const { publicKey, privateKey } = target;
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

  return async (target, { signal }) => {
    const mistake = malformed(target);
    if (mistake !== undefined) return mistake;
    const verdict = judge(await look(target, signal), target.clusterName);
    const host = verdict.answer === "Yes" ? verdict.facts?.host : undefined;
    if (host === undefined || target.databaseUser === undefined) return verdict;
    const uri = atlasUri(host, target.databaseUser);
    const pinged = await pingMongo({ kind: "MongoDB", uri, database: target.database }, { signal });
    return judgePing(pinged, host, target.clusterName);
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

/** The commonest mistake with what was pasted or piped into base64, found without asking anyone. */
function malformed({ publicKey, privateKey, databaseUser }: AtlasSubject): Verdict | undefined {
  const field = !API_KEY.test(publicKey) ? "publicKey" : !API_KEY.test(privateKey) ? "privateKey" : undefined;
  if (field !== undefined) {
    return no(
      Reason.RejectedAPIKey,
      `The ${field} is no part of an Atlas API key. It has blanks, line breaks or other characters that no key has, perhaps at its end.`,
    );
  }
  if (databaseUser !== undefined && CONTROL_CHARACTER.test(databaseUser.password)) {
    return no(
      Reason.RejectedAuthentication,
      "The password of databaseUser has a control character, most often a line break at its end. Remove it.",
    );
  }
  return undefined;
}

function judge(found: Found, clusterName: string): Verdict {
  if (found.missing === "project") {
    return no(
      Reason.RejectedProject,
      "Atlas has no such project, or none that the API key sees. Check projectId, and that the key belongs to the project's organization.",
    );
  }
  if (found.missing === "cluster") {
    return no(
      Reason.RejectedCluster,
      `The Atlas project has no cluster "${clusterName}". Check clusterName, upper and lower case included.`,
    );
  }
  const { reply } = found;
  switch (reply.kind) {
    case "Answer":
      return judgeAnswer(reply, clusterName);
    case "KeyRefused":
      return no(
        Reason.RejectedAPIKey,
        "Atlas refuses the API key. Check publicKey and privateKey, and that the key still exists in the organization.",
      );
    case "NotAtlas":
      return silence(NOT_ATLAS);
    case "RateLimited":
      return silence(
        "The limit of API requests for the Atlas project is used up for the moment. It is asked again.",
        reply.retryAfterMs,
      );
    case "ServerError":
      return silence(
        `The Atlas Admin API answers with HTTP status ${reply.status}. It is asked again.`,
        reply.retryAfterMs,
      );
    case "NoReply": {
      const verdict = networkVerdict(reply.failure, "The Atlas Admin API");
      // Its address is a matter of the operator's flags and network: what is wrong there says nothing about the cluster.
      return verdict.answer === "No" ? silence(verdict.message) : verdict;
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
      "Atlas refuses the API key from the operator's address. Add the address from which the Kubernetes cluster reaches the internet to the key's IP access list.",
    );
  }
  if (status === 401 || status === 403) {
    return no(
      Reason.RejectedAPIAccess,
      "The API key may not read the project. Check projectId, give the key the role Project Read Only in that project, and see that the key's IP access list has the operator's address.",
    );
  }
  return silence(
    `The Atlas Admin API answers with HTTP status ${status}, which says nothing about the cluster. It is asked again.`,
  );
}

/** The members of the API's cluster description (and of that of Flex clusters) that count here. */
type ClusterDescription = {
  stateName?: unknown;
  paused?: unknown;
  connectionStrings?: { standardSrv?: unknown } | null;
};

function judgeCluster(body: unknown, clusterName: string): Verdict {
  const cluster = (typeof body === "object" ? body : null) as ClusterDescription | null;
  if (typeof cluster?.stateName !== "string") {
    return silence(NOT_ATLAS);
  }
  if (cluster.stateName === "DELETING" || cluster.stateName === "DELETED") {
    return no(Reason.RejectedCluster, `The Atlas cluster "${clusterName}" is being deleted.`);
  }
  if (cluster.paused === true) {
    return no(Reason.RejectedClusterPaused, `The Atlas cluster "${clusterName}" is paused. Resume it in Atlas.`);
  }
  const address = cluster.connectionStrings?.standardSrv;
  if (cluster.stateName === "CREATING" || address === undefined || address === null || address === "") {
    return no(
      Reason.RejectedClusterCreating,
      `The Atlas cluster "${clusterName}" is still being created. It is asked for again.`,
      true,
    );
  }
  const host = typeof address === "string" ? SRV_ADDRESS.exec(address)?.[1] : undefined;
  if (host === undefined) {
    return silence(`The address that Atlas gives for cluster "${clusterName}" is not of the form mongodb+srv://HOST.`);
  }
  return {
    answer: "Yes",
    message: `The Atlas project and its cluster "${clusterName}" exist.`,
    facts: { host: host.toLowerCase() },
  };
}

/** Atlas cuts the connections of addresses that it does not know, in the TLS handshake or before it. */
const ADD_ADDRESS =
  "Check that the IP access list of the Atlas project has the address from which the Kubernetes cluster reaches the internet.";

/** What came of the ping, in words of Atlas: who wrote the AppSecret gave neither a connection string nor a host. */
function judgePing(verdict: Verdict, host: string, clusterName: string): Verdict {
  if (verdict.answer === "Yes") {
    const message = `The Atlas cluster "${clusterName}" exists, took the login and answers in the named database.`;
    return { answer: "Yes", message, facts: { host } };
  }
  switch (verdict.reason) {
    case Reason.RejectedAuthentication:
      return no(
        verdict.reason,
        `The Atlas cluster "${clusterName}" refuses the login of the database user. Compare databaseUser with Database Access in Atlas. A new user works after a minute or so.`,
      );
    case Reason.RejectedNotAuthorized:
      return no(
        verdict.reason,
        `The login to the Atlas cluster "${clusterName}" works, but the user has no rights in the named database. Grant a role there, or correct the database's name.`,
      );
    case Reason.RejectedNameNotFound:
      // Atlas itself named the host: a cluster that is new has no records yet.
      return no(
        verdict.reason,
        `The address of the Atlas cluster "${clusterName}" is not in DNS yet. It is asked for again.`,
        true,
      );
    case Reason.RejectedTLS:
      return no(
        verdict.reason,
        `The TLS handshake with the Atlas cluster "${clusterName}" fails. Atlas breaks it off for strangers. ${ADD_ADDRESS}`,
      );
    default:
      if (verdict.answer !== "Silence") return verdict;
      // Atlas did answer. Whether we reach the cluster is another question: by a private endpoint only others may.
      return { ...verdict, message: `${verdict.message} ${ADD_ADDRESS}`, facts: { host } };
  }
}

function no(reason: Reason, message: string, passing = false): Verdict {
  return { answer: "No", reason, message, passing };
}

function silence(message: string, retryAfterMs?: number): Verdict {
  return {
    answer: "Silence",
    reason: Reason.Unreachable,
    message,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}
