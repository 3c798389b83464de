import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { delimiter, dirname, isAbsolute, join } from "node:path";
import { newClusters, newContexts, newUsers } from "@kubernetes/client-node/dist/config_types.js";
import type { Cluster, Context, User } from "@kubernetes/client-node/dist/config_types.js";
import { OperatorError } from "#common/operator-error";

/**
 * Which API server, and as whom: from the Pod's service account, or from the current context of a kubeconfig.
 *
 * The parsing of a kubeconfig is that of @kubernetes/client-node. Its `KubeConfig` class is not loaded: it pulls in every
 * generated model, 60 MiB of resident memory and half a second at each start, where two small modules of it do (measured
 * on 2.0.1). Only the old `auth-provider` plugins still load it (credentials.ts).
 */
export type KubeConfig = {
  /** `https://host:port`, with a path where the API server stands behind one; no slash at the end. */
  server: string;
  inCluster: boolean;
  /** The namespace of the Pod, or of the kubeconfig's context. */
  namespace?: string;
  cluster: Cluster;
  user: KubeUser;
};

/** client-node's user, and what it drops or reads only once: the name of the token's file and the groups. */
export type KubeUser = User & { tokenFile?: string; impersonateGroups?: string[] };

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * Looks where controller-runtime looks, in its order: $KUBECONFIG, the Pod's service account, ~/.kube/config.
 * @throws OperatorError `InvalidKubeconfig`, one line that says which file and what is wrong with it, never its content.
 */
export function loadKubeConfig(env: NodeJS.ProcessEnv = process.env, serviceAccount = SERVICE_ACCOUNT): KubeConfig {
  const named = (env["KUBECONFIG"] ?? "").split(delimiter).filter((file) => file !== "");
  if (named.length > 0) return fromFiles(named);
  const host = env["KUBERNETES_SERVICE_HOST"];
  if (host !== undefined && existsSync(join(serviceAccount, "token"))) {
    return fromServiceAccount(serviceAccount, host, env["KUBERNETES_SERVICE_PORT"] ?? "443");
  }
  const home = join(env["HOME"] ?? homedir(), ".kube", "config");
  if (existsSync(home)) return fromFiles([home]);
  throw invalid(`no cluster is configured: set KUBECONFIG, or run in a Pod that mounts a service account token`);
}

function fromServiceAccount(folder: string, host: string, port: string): KubeConfig {
  const server = `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const namespace = readText(join(folder, "namespace"))?.trim();
  return {
    server,
    inCluster: true,
    ...(namespace ? { namespace } : {}),
    cluster: { name: "in-cluster", server, skipTLSVerify: false, caFile: join(folder, "ca.crt") },
    user: { name: "service-account", tokenFile: join(folder, "token") },
  };
}

type Named = { clusters: Cluster[]; users: KubeUser[]; contexts: Context[]; current: string };

/** Several files are one, as for kubectl: of two entries of one name, and of two current contexts, the first counts. */
function fromFiles(files: string[]): KubeConfig {
  const all: Named = { clusters: [], users: [], contexts: [], current: "" };
  for (const file of files) {
    const one = readKubeconfig(file);
    all.clusters.push(...one.clusters);
    all.users.push(...one.users);
    all.contexts.push(...one.contexts);
    all.current ||= one.current;
  }
  const where = `kubeconfig ${files.join(delimiter)}`;
  if (all.current === "") throw invalid(`${where}: current-context is not set`);
  const context = all.contexts.find(({ name }) => name === all.current);
  if (!context) throw invalid(`${where}: there is no context "${all.current}"`);
  const cluster = all.clusters.find(({ name }) => name === context.cluster);
  if (!cluster) throw invalid(`${where}: context "${all.current}" names a cluster that is not there`);
  const user = all.users.find(({ name }) => name === context.user);
  if (!user) throw invalid(`${where}: context "${all.current}" names a user that is not there`);
  checkServer(where, cluster);
  return {
    server: cluster.server,
    inCluster: false,
    ...(context.namespace ? { namespace: context.namespace } : {}),
    cluster,
    user,
  };
}

function readKubeconfig(file: string): Named {
  const text = readText(file);
  if (text === undefined) throw invalid(`kubeconfig ${file}: cannot be read`);
  const raw = parse(file, text);
  const folder = dirname(file);
  const absolute = (path: string): string => (isAbsolute(path) ? path : join(folder, path));
  try {
    const clusters = newClusters(raw["clusters"]).map((cluster) => ({
      ...cluster,
      ...(cluster.caFile ? { caFile: absolute(cluster.caFile) } : {}),
    }));
    return {
      clusters,
      users: readUsers(raw["users"], absolute),
      contexts: newContexts(raw["contexts"]),
      current: typeof raw["current-context"] === "string" ? raw["current-context"] : "",
    };
  } catch (error) {
    // client-node's own words: "clusters[0].cluster.server is missing".
    throw invalid(`kubeconfig ${file}: ${error instanceof Error ? error.message : "malformed"}`);
  }
}

type RawUser = { name?: string; user?: Record<string, unknown> };

/** client-node reads a token's file here and now and forgets its name; the name is what we want, for tokens rotate. */
function readUsers(raw: unknown, absolute: (path: string) => string): KubeUser[] {
  if (!Array.isArray(raw)) return [];
  return (raw as (RawUser | null)[]).flatMap((entry) => {
    const { tokenFile, "token-file": tokenFileToo, ...rest } = entry?.user ?? {};
    const file = tokenFile ?? tokenFileToo;
    const [user] = newUsers([{ ...entry, user: rest }]);
    const groups = rest["as-groups"];
    if (user === undefined) return [];
    return {
      ...user,
      ...(user.certFile ? { certFile: absolute(user.certFile) } : {}),
      ...(user.keyFile ? { keyFile: absolute(user.keyFile) } : {}),
      ...(typeof file === "string" && file !== "" ? { tokenFile: absolute(file) } : {}),
      ...(Array.isArray(groups) ? { impersonateGroups: groups.map(String) } : {}),
    };
  });
}

/** Over plain HTTP a token can be read by everyone on the way; client-node's rule is that somebody said it is meant so. */
function checkServer(where: string, cluster: Cluster): void {
  const protocol = URL.canParse(cluster.server) ? new URL(cluster.server).protocol : "";
  if (protocol !== "https:" && protocol !== "http:")
    throw invalid(`${where}: the cluster's server is not an http(s) URL`);
  if (protocol === "http:" && !cluster.skipTLSVerify) {
    throw invalid(`${where}: a server over plain http needs insecure-skip-tls-verify: true`);
  }
}

/** A parser's message quotes the line that it stumbles over, and a line of a kubeconfig may be a token. */
function parse(file: string, text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = text.trimStart().startsWith("{") ? JSON.parse(text) : parseYaml(text);
  } catch {
    throw invalid(`kubeconfig ${file}: neither YAML nor JSON`);
  }
  if (typeof value !== "object" || value === null) throw invalid(`kubeconfig ${file}: is empty`);
  return value as Record<string, unknown>;
}

/** Loaded when there is YAML to read: in a Pod there never is. Quieter than "error", it would not throw at all. */
function parseYaml(text: string): unknown {
  const yaml = createRequire(import.meta.url)("yaml") as {
    parse(text: string, options: { logLevel: "error" }): unknown;
  };
  return yaml.parse(text, { logLevel: "error" });
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function invalid(message: string): OperatorError {
  return new OperatorError("InvalidKubeconfig", message);
}
