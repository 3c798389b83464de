/** The command lines of the three servers. Each flag that is not obvious says why it is there. */
import { join } from "node:path";
import type { Credentials } from "./credentials.ts";

export type Flags = Readonly<Record<string, string>>;

/**
 * What a cluster does for an operator, and no more, so that it starts fast: collect what an owner leaves behind, empty
 * deleted namespaces, give every namespace its ServiceAccount and its root CA, sum up aggregated roles, and check the
 * expressions of admission policies.
 */
const CONTROLLERS = [
  "garbage-collector-controller",
  "namespace-controller",
  "serviceaccount-controller",
  "serviceaccount-token-controller",
  "root-ca-certificate-publisher-controller",
  "clusterrole-aggregation-controller",
  "validatingadmissionpolicy-status-controller",
];

export type Layout = {
  directory: string;
  etcdSocket: string;
  certificates: string;
  servingCertificate: string;
  servingKey: string;
  certificateAuthority: string;
  kubeconfig: string;
};

/** Where everything is in the temporary directory. */
export function layout(directory: string): Layout {
  const certificates = join(directory, "certificates");
  return {
    directory,
    etcdSocket: join(directory, "etcd.sock"),
    certificates,
    servingCertificate: join(certificates, "apiserver.crt"),
    servingKey: join(certificates, "apiserver.key"),
    certificateAuthority: join(directory, "ca.crt"),
    kubeconfig: join(directory, "kubeconfig"),
  };
}

export function etcdFlags(paths: Layout): Flags {
  // Unix sockets: no port can be lost to someone else, and no other user of this machine can read the database.
  const client = `unix://${paths.etcdSocket}`;
  const peer = `unix://${join(paths.directory, "etcd-peer.sock")}`;
  return {
    name: "local",
    "data-dir": join(paths.directory, "etcd"),
    "listen-client-urls": client,
    "advertise-client-urls": client,
    "listen-peer-urls": peer,
    "initial-advertise-peer-urls": peer,
    "initial-cluster": `local=${peer}`,
    // The data need not survive a power cut; it does survive kill -9, since the kernel has it by then.
    "unsafe-no-fsync": "true",
    // A single member elects itself when the election times out: 0.7 s sooner than with the defaults.
    "heartbeat-interval": "20",
    "election-timeout": "200",
    "log-level": "warn",
  };
}

export function apiServerFlags(paths: Layout, credentials: Credentials, port: number, more: Flags = {}): Flags {
  return {
    "etcd-servers": `unix://${paths.etcdSocket}`,
    "bind-address": "127.0.0.1",
    "advertise-address": "127.0.0.1",
    "secure-port": String(port),
    "cert-dir": paths.certificates,
    "token-auth-file": credentials.tokenFile,
    "authorization-mode": "RBAC",
    "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
    "service-account-signing-key-file": credentials.serviceAccountKey,
    "service-account-key-file": credentials.serviceAccountPublicKey,
    "service-cluster-ip-range": "10.96.0.0/16",
    // 127.0.0.1 is refused as an endpoint of the `kubernetes` Service; nothing reads that one here.
    "endpoint-reconciler-type": "none",
    "allow-privileged": "true",
    ...more,
  };
}

export function controllerManagerFlags(paths: Layout, credentials: Credentials, more: readonly string[] = []): Flags {
  return {
    kubeconfig: paths.kubeconfig,
    controllers: [...CONTROLLERS, ...more].join(","),
    "leader-elect": "false",
    "secure-port": "0",
    "root-ca-file": paths.certificateAuthority,
    "service-account-private-key-file": credentials.serviceAccountKey,
    "kube-api-qps": "200",
    "kube-api-burst": "400",
  };
}

export function commandLine(flags: Flags): string[] {
  return Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
}
