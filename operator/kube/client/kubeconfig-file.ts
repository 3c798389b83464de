import { readFile } from "node:fs/promises";
import { delimiter, dirname, isAbsolute, join } from "node:path";
import { z } from "zod";
import { OperatorError } from "#common/operator-error";
import type { ExecPlugin, Impersonation, KubeCluster, KubeConfig, KubeUser } from "./access.ts";

/*
 * A kubeconfig as kubectl reads it (https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/): several files are
 * one, the first file that has a name wins, and paths are relative to the file they are in. Only the current context, its
 * cluster and its user are checked; what else is in the files may be for other programs.
 *
 * No message quotes a file: a line of a kubeconfig may be a token.
 */

const text = z
  .string("must be a string")
  .nullish()
  .transform((value) => value || undefined);
const flag = z
  .boolean("must be true or false")
  .nullish()
  .transform((value) => value === true);
const texts = z
  .array(z.string("must be a string"), "must be a list of strings")
  .nullish()
  .transform((list) => list ?? []);

const list = z
  .array(z.looseObject({ name: z.string("must be a string") }, "must be an object"), "must be a list")
  .nullish()
  .transform((entries) => entries ?? []);
const fileSchema = z.looseObject(
  { "current-context": text, contexts: list, clusters: list, users: list },
  "must be an object",
);

const contextSchema = z.object({ cluster: text, user: text, namespace: text }, "must be an object");

const clusterSchema = z.object(
  {
    server: z.string("must be a URL"),
    "certificate-authority": text,
    "certificate-authority-data": text,
    "insecure-skip-tls-verify": flag,
    "tls-server-name": text,
    "proxy-url": text,
    extensions: z.array(z.looseObject({ name: z.unknown().optional(), extension: z.unknown().optional() })).nullish(),
  },
  "must be an object",
);

const execSchema = z.object(
  {
    apiVersion: z.enum(
      ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"],
      "must be client.authentication.k8s.io/v1 or client.authentication.k8s.io/v1beta1",
    ),
    command: z.string("must be a string").min(1, "must not be empty"),
    args: texts,
    env: z
      .array(
        z.object({ name: z.string("must be a string"), value: z.string("must be a string") }, "must be an object"),
        "must be a list",
      )
      .nullish(),
    interactiveMode: z.enum(["Never", "IfAvailable", "Always"], "must be Never, IfAvailable or Always").nullish(),
    provideClusterInfo: flag,
  },
  "must be an object",
);

const userSchema = z.object(
  {
    "client-certificate": text,
    "client-certificate-data": text,
    "client-key": text,
    "client-key-data": text,
    token: text,
    tokenFile: text,
    /** A spelling that only @kubernetes/client-node knows. */
    "token-file": text,
    username: text,
    password: text,
    as: text,
    "as-uid": text,
    "as-groups": texts,
    "as-user-extra": z
      .record(z.string(), z.array(z.string("must be a string"), "must be a list of strings"), "must be an object")
      .nullish()
      .transform((extra) => extra ?? {}),
    exec: execSchema.nullish(),
    "auth-provider": z.unknown().optional(),
  },
  "must be an object",
);

/** What a file has under `contexts`, `clusters` or `users`, and which file that is. */
type Entry = { name: string; value: unknown; file: string };

/** @throws OperatorError `InvalidKubeconfig` */
export async function readKubeconfigFiles(files: readonly string[]): Promise<KubeConfig> {
  const read = await Promise.all(files.map(readFileOf));
  const where = `kubeconfig ${files.join(delimiter)}`;
  const current = read.find((file) => file.current !== undefined)?.current;
  if (current === undefined) throw invalid(`${where}: current-context is not set`);

  const find = (kind: "contexts" | "clusters" | "users", name: string | undefined): Entry | undefined =>
    read.flatMap((file) => file[kind]).find((entry) => entry.name === name);
  const contextEntry = find("contexts", current);
  if (!contextEntry) throw invalid(`${where}: there is no context "${current}"`);
  const context = check(contextSchema, contextEntry, "context");
  const clusterEntry = find("clusters", context.cluster);
  if (!clusterEntry) throw invalid(`${where}: context "${current}" names a cluster that does not exist`);
  const userEntry = find("users", context.user);
  if (!userEntry) throw invalid(`${where}: context "${current}" names a user that does not exist`);
  return {
    ...clusterOf(clusterEntry),
    inCluster: false,
    ...(context.namespace ? { namespace: context.namespace } : {}),
    user: userOf(userEntry),
  };
}

async function readFileOf(file: string) {
  const content = await readFile(file, "utf8").catch(() => {
    throw invalid(`kubeconfig ${file}: the file cannot be read`);
  });
  if (content.trim() === "") throw invalid(`kubeconfig ${file}: the file is empty`);
  const parsed = check(fileSchema, { name: "", value: await parse(file, content), file });
  const entries = (all: { name: string; [member: string]: unknown }[], member: string): Entry[] =>
    all.map((entry) => ({ name: entry.name, value: entry[member] ?? {}, file }));
  return {
    current: parsed["current-context"],
    contexts: entries(parsed.contexts, "context"),
    clusters: entries(parsed.clusters, "cluster"),
    users: entries(parsed.users, "user"),
  };
}

/** A parser's own message quotes the line that it stops at. */
async function parse(file: string, content: string): Promise<unknown> {
  try {
    if (content.trimStart().startsWith("{")) return JSON.parse(content);
    // Loaded only when there is YAML to read, which in a Pod there never is. With logLevel "silent" it would not throw.
    const yaml = await import("yaml");
    return yaml.parse(content, { logLevel: "error" });
  } catch {
    throw invalid(`kubeconfig ${file}: the file is neither YAML nor JSON`);
  }
}

function clusterOf(entry: Entry): { server: string; cluster: KubeCluster } {
  const raw = check(clusterSchema, entry, "cluster");
  const where = `kubeconfig ${entry.file}: cluster "${entry.name}"`;
  const server = raw.server.replace(/\/$/, "");
  const { protocol } = URL.canParse(server) ? new URL(server) : {};
  if (protocol !== "https:" && protocol !== "http:") throw invalid(`${where}: server must be an http(s) URL`);
  // Over plain http everyone on the way can read the token, so somebody has to say that it is meant.
  if (protocol === "http:" && !raw["insecure-skip-tls-verify"]) {
    throw invalid(`${where}: a server over plain http needs insecure-skip-tls-verify: true`);
  }
  const proxyUrl = raw["proxy-url"];
  if (proxyUrl !== undefined && !(URL.canParse(proxyUrl) && /^(https?|socks5):$/.test(new URL(proxyUrl).protocol))) {
    throw invalid(`${where}: proxy-url must be an http, https or socks5 URL`);
  }
  const exec = raw.extensions?.find(({ name }) => name === "client.authentication.k8s.io/exec");
  return {
    server,
    cluster: compact({
      name: entry.name,
      caData: raw["certificate-authority-data"],
      caFile: absolute(entry, raw["certificate-authority"]),
      skipTLSVerify: raw["insecure-skip-tls-verify"],
      tlsServerName: raw["tls-server-name"],
      proxyUrl,
      execConfig: exec?.extension,
    }),
  };
}

function userOf(entry: Entry): KubeUser {
  const raw = check(userSchema, entry, "user");
  const where = `kubeconfig ${entry.file}: user "${entry.name}"`;
  if (raw["auth-provider"] !== undefined && raw["auth-provider"] !== null) {
    throw invalid(`${where}: auth-provider is not supported (Kubernetes removed it in 1.26): use an exec plugin`);
  }
  const { as: user, "as-uid": uid, "as-groups": groups, "as-user-extra": extra } = raw;
  const impersonates = uid !== undefined || groups.length > 0 || Object.keys(extra).length > 0;
  if (user === undefined && impersonates) {
    throw invalid(`${where}: as-uid, as-groups and as-user-extra need "as", the name of a user`);
  }
  return compact({
    name: entry.name,
    certData: raw["client-certificate-data"],
    certFile: absolute(entry, raw["client-certificate"]),
    keyData: raw["client-key-data"],
    keyFile: absolute(entry, raw["client-key"]),
    token: raw.token,
    tokenFile: absolute(entry, raw.tokenFile ?? raw["token-file"]),
    username: raw.username,
    password: raw.password,
    exec: raw.exec ? pluginOf(entry, raw.exec) : undefined,
    impersonate: user === undefined ? undefined : compact<Impersonation>({ user, uid, groups, extra }),
  });
}

function pluginOf(entry: Entry, exec: z.output<typeof execSchema>): ExecPlugin {
  const { apiVersion, command, args, env, interactiveMode, provideClusterInfo } = exec;
  if (apiVersion.endsWith("/v1") && !interactiveMode) {
    throw invalid(`kubeconfig ${entry.file}: user "${entry.name}": exec.interactiveMode must be set`);
  }
  return {
    apiVersion,
    // A name without a slash is looked up in PATH; a path is relative to the file, as for kubectl.
    command: command.includes("/") ? absolute(entry, command) : command,
    args,
    env: Object.fromEntries((env ?? []).map(({ name, value }) => [name, value])),
    interactiveMode: interactiveMode ?? "IfAvailable",
    provideClusterInfo,
  };
}

/** Every message of the schemas above is a constant. @throws OperatorError `InvalidKubeconfig` */
function check<S extends z.ZodType>(schema: S, { name, value, file }: Entry, kind?: string): z.output<S> {
  const { data, error } = schema.safeParse(value);
  if (data !== undefined) return data;
  const [issue] = error?.issues ?? [];
  const path = (issue?.path ?? [])
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`))
    .join("")
    .slice(1);
  const subject = [kind === undefined ? "" : ` ${kind} "${name}":`, path === "" ? "" : ` ${path}`].join("");
  throw invalid(`kubeconfig ${file}:${subject} ${issue?.message ?? "is malformed"}`);
}

function absolute<P extends string | undefined>({ file }: Entry, path: P): P {
  return path === undefined || isAbsolute(path) ? path : (join(dirname(file), path) as P);
}

/** Without the members that are undefined. */
function compact<T extends object>(members: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as T;
}

function invalid(message: string): OperatorError {
  return new OperatorError("InvalidKubeconfig", message);
}
