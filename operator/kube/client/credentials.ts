import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { RequestOptions } from "node:https";
import { createSecureContext } from "node:tls";
import { ExecAuth } from "@kubernetes/client-node/dist/exec_auth.js";
import { OperatorError } from "#common/operator-error";
import type { KubeConfig } from "./kubeconfig.ts";

/**
 * What a connection and a request need to be let in, as of now.
 *
 * Everything of it rotates while we run: a Pod's token hourly, client certificates and CAs by whoever manages the
 * cluster. So it is read again each minute, and at once when the API server has answered 401 or its certificate did not
 * verify. A file that cannot be read for a moment (it is being replaced) leaves what was read before.
 */
export type Credentials = {
  headers: Record<string, string | string[]>;
  tls: { ca?: Buffer; cert?: Buffer; key?: Buffer; rejectUnauthorized?: boolean; servername?: string };
  /** Changes when `tls` does: connections that were made with another one are to be replaced. */
  tlsId: string;
};

export type CredentialSource = {
  /** @throws OperatorError `InvalidCredentials` when there has never been anything to use. */
  get(): Promise<Credentials>;
  /** The API server said no to them: read everything again before the next request. Harmless to call often. */
  distrust(): void;
};

/** client-go reads a token's file again after a minute too; the kubelet replaces it at 80 % of its life. */
const REREAD_MS = 60_000;
/** However many requests got a 401, the sources are asked again once a second at most: an exec plugin is a process. */
const REREAD_AT_MOST_MS = 1000;

/** @param rereadMs how old what was read may get */
export function createCredentialSource(config: KubeConfig, rereadMs = REREAD_MS): CredentialSource {
  let current: Credentials | undefined;
  let readAt = -Infinity;
  let distrusted = false;
  let reading: Promise<Credentials> | undefined;
  let exec = new ExecAuth();

  async function read(): Promise<Credentials> {
    const forced = distrusted;
    distrusted = false;
    // A new instance, because it keeps a credential until it expires, also one that was refused.
    if (forced) exec = new ExecAuth();
    try {
      current = await readCredentials(config, exec);
    } catch (error) {
      if (current === undefined) throw error;
    } finally {
      readAt = performance.now();
      reading = undefined;
    }
    return current;
  }

  return {
    get() {
      const age = performance.now() - readAt;
      const due = age > rereadMs || (distrusted && age > REREAD_AT_MOST_MS);
      if (current !== undefined && !due) return Promise.resolve(current);
      return (reading ??= read());
    },
    distrust() {
      distrusted = true;
    },
  };
}

async function readCredentials(config: KubeConfig, exec: ExecAuth): Promise<Credentials> {
  const { cluster, user } = config;
  const headers: Credentials["headers"] = {};
  const tls: Credentials["tls"] = {};
  const ca = fileOrData(cluster.caFile, cluster.caData);
  const cert = fileOrData(user.certFile, user.certData);
  const key = fileOrData(user.keyFile, user.keyData);
  if (ca) tls.ca = ca;
  if (cert) tls.cert = cert;
  if (key) tls.key = key;
  if (cluster.skipTLSVerify) tls.rejectUnauthorized = false;
  if (cluster.tlsServerName) tls.servername = cluster.tlsServerName;

  if (user.username)
    headers["authorization"] = `Basic ${Buffer.from(`${user.username}:${user.password}`).toString("base64")}`;
  if (user.impersonateUser) headers["impersonate-user"] = user.impersonateUser;
  if (user.impersonateGroups) headers["impersonate-group"] = user.impersonateGroups;
  const token = user.tokenFile ? readToken(user.tokenFile) : user.token;
  if (token) headers["authorization"] = `Bearer ${token}`;
  else if (user.exec || user.authProvider) await applyPlugin(config, exec, { headers, tls });

  checkPair(tls);
  return { headers, tls, tlsId: fingerprint(tls) };
}

/** A certificate and its key are two files, so there is a moment when only one of them has been replaced. */
function checkPair({ cert, key }: Credentials["tls"]): void {
  if (!cert || !key) return;
  try {
    createSecureContext({ cert, key });
  } catch {
    throw new OperatorError("InvalidCredentials", "the client certificate and its key do not belong together");
  }
}

/** client-node's plugins write into the options of a request of node:https; what is of use is taken out of them. */
async function applyPlugin(
  config: KubeConfig,
  exec: ExecAuth,
  into: Pick<Credentials, "headers" | "tls">,
): Promise<void> {
  const options: RequestOptions = { headers: {} };
  try {
    if (config.user.exec) await exec.applyAuthentication(config.user, options);
    else {
      const { KubeConfig: Full } = await import("@kubernetes/client-node");
      const full = new Full();
      full.loadFromClusterAndUser(config.cluster, config.user);
      await full.applyToHTTPSOptions(options);
    }
  } catch {
    // The plugin's own words may hold what it was about to hand over.
    throw new OperatorError(
      "InvalidCredentials",
      `the credential plugin of user "${config.user.name}" in the kubeconfig failed`,
    );
  }
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (typeof value === "string") into.headers[name.toLowerCase()] = value;
  }
  if (options.cert) into.tls.cert = Buffer.from(options.cert as string | Buffer);
  if (options.key) into.tls.key = Buffer.from(options.key as string | Buffer);
}

function readToken(file: string): string {
  const token = readFile(file).toString("utf8").trim();
  if (token === "") throw new OperatorError("InvalidCredentials", `the token in ${file} is empty`);
  return token;
}

function fileOrData(file: string | undefined, data: string | undefined): Buffer | undefined {
  if (file) return readFile(file);
  return data ? Buffer.from(data, "base64") : undefined;
}

function readFile(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    throw new OperatorError("InvalidCredentials", `${file} cannot be read`);
  }
}

function fingerprint(tls: Credentials["tls"]): string {
  const hash = createHash("sha256");
  for (const part of [tls.ca, tls.cert, tls.key]) hash.update(`${part?.length ?? -1}:`).update(part ?? "");
  return hash.digest("base64");
}
