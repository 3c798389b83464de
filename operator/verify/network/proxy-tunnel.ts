/**
 * The way to a host through the proxy in HTTPS_PROXY, and how far it led. What fails before the proxy has opened the tunnel is the
 * proxy's fault or that of the way to it, and says nothing about the host behind.
 */
import { lookup as lookupOfSystem } from "node:dns/promises";
import type { LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";
import type { SecureContext } from "node:tls";
import { Client, ProxyAgent } from "undici";
import type { Dispatcher } from "undici";

export type Tunnel = {
  dispatcher: Dispatcher;
  /** The HTTP status with which the proxy answered: 200 for an open tunnel, undefined before there is an answer. */
  status(): number | undefined;
};

/** The form of undici's `connect` that ProxyAgent calls. */
type Connect = (request: Dispatcher.ConnectOptions) => Promise<Dispatcher.ConnectData>;

/** Of the proxy's reply to CONNECT (RFC 9110 §9.3.6); undici accepts no other of 2xx. */
export const TUNNEL_IS_OPEN = 200;

export type TunnelOptions = {
  /** Of the proxy: an http or https URL. */
  uri: string;
  /** For the proxy, if it is one of https, and for the host behind. */
  tls: { secureContext: SecureContext; rejectUnauthorized: true };
  /** For the request: see undici's Client. */
  client: object;
};

export function createTunnel({ uri, tls, client }: TunnelOptions): Tunnel {
  let status: number | undefined;

  function clientOfProxy(origin: URL, options: object): Dispatcher {
    const proxy = new Client(origin, options);
    const connect: Connect = proxy.connect.bind(proxy);
    return Object.assign(proxy, {
      connect: async (request: Dispatcher.ConnectOptions) => {
        const reply = await connect(request);
        status = reply.statusCode;
        return reply;
      },
    });
  }

  const proxyTls = { ...tls, lookup: lookupOfProxy };
  const dispatcher = new ProxyAgent({
    ...{ ...client, uri, connections: 1, proxyTls, requestTls: tls },
    clientFactory: clientOfProxy,
  });
  return { dispatcher, status: () => status };
}

const underWay = new Map<string, Promise<LookupAddress[]>>();

/**
 * The resolver of the system, since the proxy's name is the operator's own: it may be a short one. Once at a time, because each
 * look-up takes a thread of Node's pool for as long as DNS does not answer.
 */
const lookupOfProxy: LookupFunction = (host, options, done) => {
  const looking = underWay.get(host) ?? lookupOfSystem(host, { all: true }).finally(() => underWay.delete(host));
  underWay.set(host, looking);
  looking.then(
    (addresses) => {
      const [first] = addresses;
      if (options.all === true) done(null, addresses);
      else done(null, first?.address ?? "", first?.family);
    },
    (error: unknown) => done(error as NodeJS.ErrnoException, ""),
  );
};
