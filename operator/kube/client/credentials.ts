import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { OperatorError } from "#common/operator-error";
import type { PluginCredential } from "./exec-plugin.ts";
import type { Impersonation, KubeConfig, KubeUser } from "./access.ts";

/**
 * What a connection and a request need at the moment to be accepted.
 *
 * All of it rotates while the process runs: a Pod's token hourly, client certificates and CAs when the cluster's
 * administrators replace them. So it is read again each minute, and at once when the API server has answered 401 or its
 * certificate did not verify. If a file cannot be read (it is being replaced), what was read before stays in use.
 */
export type Credentials = {
  headers: Record<string, string | string[]>;
  tls: { ca?: Buffer; cert?: Buffer; key?: Buffer; rejectUnauthorized?: boolean; servername?: string };
  /** Changes when `tls` does: connections made with another one must be replaced. */
  tlsId: string;
};

export type CredentialSource = {
  /** @throws OperatorError `InvalidCredentials` when there has never been anything to use. */
  get(): Promise<Credentials>;
  /** The API server refused them: read everything again before the next request. Harmless to call often. */
  distrust(): void;
};

/** client-go too reads a token's file again after a minute; the kubelet replaces it at 80 % of its life. */
const REREAD_MS = 60_000;
/** However many requests got a 401, the sources are read again once a second at most: an exec plugin is a process. */
const REREAD_AT_MOST_MS = 1000;

/** @param rereadMs how old what was read may get */
export function createCredentialSource(config: KubeConfig, rereadMs = REREAD_MS): CredentialSource {
  const { cluster } = config;
  let current: Credentials | undefined;
  let readAtMs = -Infinity;
  let distrusted = false;
  let reading: Promise<Credentials> | undefined;
  let fromPlugin: PluginCredential | undefined;

  async function read(): Promise<Credentials> {
    if (distrusted || (fromPlugin && fromPlugin.expiresAtMs <= Date.now())) fromPlugin = undefined;
    distrusted = false;
    try {
      if (config.user.exec && !config.user.token && !config.user.tokenFile) {
        const { runExecPlugin } = await import("./exec-plugin.ts");
        fromPlugin ??= await runExecPlugin(config.user.exec, config, dataOrFile(cluster.caData, cluster.caFile));
      }
      current = readCredentials(config, fromPlugin);
    } catch (error) {
      if (current === undefined) throw error;
    } finally {
      readAtMs = performance.now();
    }
    return current;
  }

  return {
    get() {
      const ageMs = performance.now() - readAtMs;
      const due = ageMs > rereadMs || (distrusted && ageMs > REREAD_AT_MOST_MS);
      if (current !== undefined && !due) return Promise.resolve(current);
      return (reading ??= read().finally(() => (reading = undefined)));
    },
    distrust() {
      distrusted = true;
    },
  };
}

function readCredentials({ cluster, user }: KubeConfig, fromPlugin: PluginCredential | undefined): Credentials {
  const ca = dataOrFile(cluster.caData, cluster.caFile);
  const cert = fromPlugin?.cert ?? dataOrFile(user.certData, user.certFile);
  const key = fromPlugin?.key ?? dataOrFile(user.keyData, user.keyFile);
  const tls = {
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
    ...(cluster.skipTLSVerify ? { rejectUnauthorized: false } : {}),
    ...(cluster.tlsServerName ? { servername: cluster.tlsServerName } : {}),
  };
  checkPair(tls);
  return {
    headers: { ...authorization(user, fromPlugin), ...impersonation(user.impersonate) },
    tls,
    tlsId: fingerprint(tls),
  };
}

function authorization(user: KubeUser, fromPlugin: PluginCredential | undefined): Record<string, string> {
  const token = user.tokenFile ? readToken(user.tokenFile) : (user.token ?? fromPlugin?.token);
  if (token) return { authorization: `Bearer ${token}` };
  if (!user.username) return {};
  return { authorization: `Basic ${Buffer.from(`${user.username}:${user.password ?? ""}`).toString("base64")}` };
}

/** https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/ */
function impersonation(as: Impersonation | undefined): Credentials["headers"] {
  if (as === undefined) return {};
  return {
    "impersonate-user": as.user,
    ...(as.uid ? { "impersonate-uid": as.uid } : {}),
    ...(as.groups.length > 0 ? { "impersonate-group": as.groups } : {}),
    ...Object.fromEntries(
      Object.entries(as.extra).map(([key, values]) => [`impersonate-extra-${encodeURIComponent(key)}`, values]),
    ),
  };
}

/** A certificate and its key are two files, so there is a moment when only one of them has been replaced. */
function checkPair({ cert, key }: Credentials["tls"]): void {
  if (!cert || !key) return;
  try {
    createSecureContext({ cert, key });
  } catch {
    throw invalid("the client certificate and its key do not belong together");
  }
}

function readToken(file: string): string {
  const token = readFile(file).toString("utf8").trim();
  if (token === "") throw invalid(`the token in ${file} is empty`);
  return token;
}

function dataOrFile(data: string | undefined, file: string | undefined): Buffer | undefined {
  if (data) return Buffer.from(data, "base64");
  return file ? readFile(file) : undefined;
}

function readFile(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    throw invalid(`${file} cannot be read`);
  }
}

function fingerprint(tls: Credentials["tls"]): string {
  const hash = createHash("sha256");
  for (const part of [tls.ca, tls.cert, tls.key]) hash.update(`${part?.length ?? -1}:`).update(part ?? "");
  return hash.digest("base64");
}

function invalid(message: string): OperatorError {
  return new OperatorError("InvalidCredentials", message);
}
