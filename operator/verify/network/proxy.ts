/**
 * HTTPS_PROXY and NO_PROXY, as curl, Go and Kubernetes components read them. undici has an agent for these variables, but it
 * understands no CIDR in NO_PROXY, and http.ts must know beforehand who dials: the operator or the proxy.
 */
import { isIP } from "node:net";

import { OperatorError } from "#common/operator-error";
import { parseCidr, ranges } from "./addresses.ts";

export type ProxySettings = {
  /** An http or https URL. A user name and password in it are sent to the proxy. */
  httpsProxy?: string;
  /** See `usesProxy`. */
  noProxy?: string;
};

/**
 * The lower-case variable wins, as with curl. An empty one counts as unset. `proxy:3128` stands for `http://proxy:3128`.
 *
 * @throws OperatorError `InvalidProxy`. Its message does not quote the variable, which may hold a password
 */
export function proxyFromEnvironment(env: NodeJS.ProcessEnv): ProxySettings {
  const proxy = env["https_proxy"] || env["HTTPS_PROXY"];
  const noProxy = env["no_proxy"] || env["NO_PROXY"];
  if (!proxy) return {};
  const url = URL.parse(/^[a-z0-9+.-]+:\/\//i.test(proxy) ? proxy : `http://${proxy}`);
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === "" || !isDecodable(url)) {
    throw new OperatorError(
      "InvalidProxy",
      "HTTPS_PROXY must be an http or https URL such as http://proxy.example.com:3128, with %25 for a % in its user name or password",
    );
  }
  return { httpsProxy: url.href, ...(noProxy ? { noProxy } : {}) };
}

/** undici decodes user name and password for each request, and would throw only then. */
function isDecodable({ username, password }: URL): boolean {
  try {
    decodeURIComponent(username + password);
    return true;
  } catch {
    return false;
  }
}

/**
 * Whether a request goes through the proxy. NO_PROXY is a list, separated by commas or blanks, of: `example.com` (the name and
 * all names below it), `.example.com` or `*.example.com` (all names below it), an address, a range such as 10.0.0.0/8 (for hosts
 * that are addresses), `*`. All but the range may end in `:port`.
 */
export function usesProxy({ httpsProxy, noProxy = "" }: ProxySettings, url: URL): boolean {
  if (httpsProxy === undefined) return false;
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
  const port = url.port || "443";
  const entries = noProxy.toLowerCase().split(/[\s,]+/);
  return !entries.some((entry) => entry !== "" && isExcepted(entry, host, port));
}

function isExcepted(entry: string, host: string, port: string): boolean {
  if (entry === "*") return true;
  if (parseCidr(entry) !== undefined) return isIP(host) !== 0 && ranges(entry).has(host);
  const [, bracketed, plain, entryPort] = /^(?:\[(.+)\]|(.+?))(?::(\d+))?$/.exec(entry) ?? [];
  if (entryPort !== undefined && entryPort !== port) return false;
  if (bracketed !== undefined) return bracketed === host;
  const name = (plain ?? "").replace(/^\*(?=\.)/, "").replace(/(?<=.)\.$/, "");
  if (name.startsWith(".")) return host.endsWith(name);
  return host === name || (isIP(host) === 0 && host.endsWith(`.${name}`));
}
