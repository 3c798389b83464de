/**
 * The Atlas Admin API as the live checks see it, on this machine, for tests and the demo: projects and clusters
 * behind real digest challenges, rate limits and IP access lists, over TLS. The answers have the form that the API's
 * reference gives them (version 2, https://www.mongodb.com/docs/api/doc/atlas-admin-api-v2/).
 *
 * `state` may be changed while it runs: a cluster that is being created becomes one that is idle.
 */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";

import type { Certificate } from "./tls.ts";

export type AtlasCluster = {
  stateName: "IDLE" | "CREATING" | "UPDATING" | "DELETING" | "REPAIRING";
  paused?: boolean;
  /** Default: an address made from the cluster's name; null: none yet. */
  standardSrv?: string | null;
  /** Known to the API of Flex clusters only. */
  flex?: boolean;
};

export type AtlasKey = {
  privateKey: string;
  /** The projects in which the key has a role. */
  projects: readonly string[];
  /** The caller's address is not on the key's access list. */
  addressRefused?: boolean;
};

export type AtlasState = {
  /** By public key. */
  keys: Record<string, AtlasKey>;
  /** By project, then by name. */
  projects: Record<string, Record<string, AtlasCluster>>;
};

export type AtlasOptions = AtlasState & {
  certificate: Certificate;
  /** Default: MD5, as Atlas. */
  algorithm?: "MD5" | "SHA-256";
  /** How many requests a nonce is good for; default: without end. */
  requestsPerNonce?: number;
  /** Each project's quota; default: none. */
  limit?: { capacity: number; retryAfterSeconds: number };
};

export type AtlasServer = {
  /** What --atlas-base-url takes. */
  readonly baseUrl: string;
  readonly state: AtlasState;
  /** Of all that came, in order. `path` is behind /api/atlas/v2. */
  readonly requests: readonly AtlasRequestSeen[];
  /** Every later request is answered so, before anything else; undefined: as usual again. */
  answerWith(answer: Answer | ((path: string) => Answer | undefined) | "Hang" | undefined): void;
  close(): Promise<void>;
};

export type AtlasRequestSeen = { path: string; accept: string; authorization: string; status: number };
export type Answer = { status: number; headers?: Record<string, string>; body: string };

type Nonce = { lastCount: number; uses: number };

const ROOT = "/api/atlas/v2";
const REALM = "MMS Public API";

/** Listens on 127.0.0.1, on a free port. */
export async function startAtlas(options: AtlasOptions): Promise<AtlasServer> {
  const { algorithm = "MD5", requestsPerNonce = Infinity, limit } = options;
  const state: AtlasState = { keys: options.keys, projects: options.projects };
  const nonces = new Map<string, Nonce>();
  const used = new Map<string, number>();
  const requests: AtlasRequestSeen[] = [];
  let special: Parameters<AtlasServer["answerWith"]>[0];

  function challenge(stale: boolean): Answer {
    const nonce = randomBytes(24).toString("base64");
    nonces.set(nonce, { lastCount: 0, uses: 0 });
    const header = `Digest realm="${REALM}", domain="", nonce="${nonce}", algorithm=${algorithm}, qop="auth", stale=${stale}`;
    return problem(401, "", "You are not authorized for this resource.", { "www-authenticate": header });
  }

  /** The key that a request proves to have, or the challenge that it gets instead (RFC 7616 §3.4). */
  function authenticate(request: IncomingMessage): AtlasKey | Answer {
    const fields = digestFields(request.headers.authorization ?? "");
    const hash = (...parts: (string | undefined)[]): string =>
      createHash(algorithm === "MD5" ? "md5" : "sha256")
        .update(parts.join(":"))
        .digest("hex");
    const { username = "", uri, nc = "", cnonce = "", qop, realm } = fields;
    const key = Object.hasOwn(state.keys, username) ? state.keys[username] : undefined;
    const expected = hash(
      hash(username, REALM, key?.privateKey),
      ...[fields["nonce"], nc, cnonce, qop],
      hash(request.method, uri),
    );
    const wellFormed =
      realm === REALM && uri === request.url && qop === "auth" && /^[0-9a-f]{8}$/.test(nc) && cnonce.length >= 8;
    const echoes = fields["algorithm"] === algorithm;
    if (key === undefined || !wellFormed || !echoes || fields["response"] !== expected) return challenge(false);
    // §3.3: stale only where the nonce is all that is wrong.
    const nonce = nonces.get(fields["nonce"] ?? "");
    if (nonce === undefined) return challenge(true);
    const count = Number.parseInt(nc, 16);
    if (count <= nonce.lastCount || nonce.uses >= requestsPerNonce) return challenge(true);
    nonce.lastCount = count;
    nonce.uses += 1;
    return key;
  }

  function answer(request: IncomingMessage, path: string): Answer {
    const exceptional = typeof special === "function" ? special(path) : special;
    if (exceptional !== undefined && exceptional !== "Hang") return exceptional;
    const [, projectId = "", kind, name = ""] =
      /^\/groups\/([^/]+)(?:\/(clusters|flexClusters)\/([^/]+))?$/.exec(path) ?? [];
    const taken = (used.get(projectId) ?? 0) + 1;
    used.set(projectId, taken);
    if (limit !== undefined && taken > limit.capacity) return tooMany(path, limit);
    const key = authenticate(request);
    if ("status" in key) return key;
    if (key.addressRefused === true) {
      const detail = "IP address 127.0.0.1 is not allowed to access this resource.";
      return problem(403, "IP_ADDRESS_NOT_ON_ACCESS_LIST", detail);
    }
    const project = Object.hasOwn(state.projects, projectId) ? state.projects[projectId] : undefined;
    if (project === undefined) return problem(404, "GROUP_NOT_FOUND", `No group with ID ${projectId} exists.`);
    if (!key.projects.includes(projectId)) {
      return problem(401, "USER_UNAUTHORIZED", "Current user is not authorized to perform this action.");
    }
    if (kind === undefined) return json(200, { id: projectId, name: "stub", orgId: "0".repeat(24), clusterCount: 1 });
    const cluster = Object.hasOwn(project, name) ? project[name] : undefined;
    if (cluster === undefined) {
      return problem(404, "CLUSTER_NOT_FOUND", `No cluster named ${name} exists in group ${projectId}.`);
    }
    if (kind === "clusters" && cluster.flex === true) {
      const detail = `Flex cluster ${name} cannot be used in the Cluster API.`;
      return problem(400, "CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API", detail);
    }
    return json(200, description(projectId, name, cluster));
  }

  const server = createServer({ cert: options.certificate.certPem, key: options.certificate.keyPem });
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const path = (request.url ?? "").slice(ROOT.length);
    const { accept = "", authorization = "" } = request.headers;
    const seen = { path, accept, authorization, status: 0 };
    requests.push(seen);
    if (special === "Hang") return;
    const { status, headers, body } = !request.url?.startsWith(`${ROOT}/`)
      ? problem(404, "RESOURCE_NOT_FOUND", `Cannot find resource ${request.url ?? ""}.`)
      : request.method === "GET" && /^application\/vnd\.atlas\.\d{4}-\d\d-\d\d\+json$/.test(accept)
        ? answer(request, path)
        : problem(406, "INVALID_VERSION_DATE", "Invalid version date.");
    seen.status = status;
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;

  return {
    baseUrl: `https://127.0.0.1:${port}`,
    state,
    requests,
    answerWith: (next) => (special = next),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** The fields of a Digest Authorization header. None when it is of another scheme, or says one thing twice. */
function digestFields(header: string): Partial<Record<string, string>> {
  if (!header.startsWith("Digest ")) return {};
  const pairs = [...header.slice(7).matchAll(/([a-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))/g)];
  const fields = pairs.map(([, name = "", quoted, token = ""]): [string, string] => [
    name,
    quoted?.replaceAll(/\\(.)/g, "$1") ?? token,
  ]);
  return new Set(fields.map(([name]) => name)).size === fields.length ? Object.fromEntries(fields) : {};
}

function description(projectId: string, name: string, cluster: AtlasCluster): object {
  const {
    stateName,
    paused = false,
    flex = false,
    standardSrv = `mongodb+srv://${name.toLowerCase()}.ab1cd.mongodb.net`,
  } = cluster;
  return {
    clusterType: "REPLICASET",
    connectionStrings: standardSrv === null ? {} : { standardSrv },
    createDate: "2026-01-01T00:00:00Z",
    groupId: projectId,
    id: "0".repeat(24),
    mongoDBVersion: "8.0.4",
    name,
    ...(flex ? { providerSettings: { providerName: "FLEX" } } : { paused, replicationSpecs: [] }),
    stateName,
    versionReleaseSystem: "LTS",
  };
}

function tooMany(
  path: string,
  { capacity, retryAfterSeconds }: { capacity: number; retryAfterSeconds: number },
): Answer {
  const detail = `Rate limit exceeded for ${path}. Please retry after ${retryAfterSeconds} seconds.`;
  return problem(429, "RATE_LIMITED_TOKEN_BUCKET", detail, {
    "retry-after": String(retryAfterSeconds),
    "ratelimit-limit": String(capacity),
    "ratelimit-remaining": "0",
  });
}

const REASONS: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  406: "Not Acceptable",
  429: "Too Many Requests",
};

function problem(error: number, errorCode: string, detail: string, headers: Record<string, string> = {}): Answer {
  const { status, body } = json(error, { detail, error, errorCode, parameters: [], reason: REASONS[error] });
  return { status, headers, body };
}

function json(status: number, body: object): Answer {
  return { status, body: JSON.stringify(body) };
}
