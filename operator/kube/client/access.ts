/**
 * Which API server to connect to, and as whom: from the Pod's service account, or from the current context of a
 * kubeconfig.
 */
export type KubeConfig = {
  /** `https://host:port`, with a path if the API server is served under one; no slash at the end. */
  server: string;
  inCluster: boolean;
  /** The namespace of the Pod, or of the kubeconfig's context. */
  namespace?: string;
  cluster: KubeCluster;
  user: KubeUser;
};

/** How to reach the cluster. Where there are data and a file, the data counts, as it does for kubectl. */
export type KubeCluster = {
  name: string;
  /** PEM in base64. */
  caData?: string;
  caFile?: string;
  skipTLSVerify?: boolean;
  tlsServerName?: string;
  proxyUrl?: string;
  /** What the cluster's extension `client.authentication.k8s.io/exec` has for an exec plugin. */
  execConfig?: unknown;
};

/** Who connects. Files are read when they are used, because what is in them rotates. */
export type KubeUser = {
  name: string;
  certData?: string;
  certFile?: string;
  keyData?: string;
  keyFile?: string;
  token?: string;
  /** Wins over `token`. */
  tokenFile?: string;
  username?: string;
  password?: string;
  exec?: ExecPlugin;
  impersonate?: Impersonation;
};

export type Impersonation = { user: string; uid?: string; groups: string[]; extra: Record<string, string[]> };

/**
 * A program that a kubeconfig names to get credentials from (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins).
 */
export type ExecPlugin = {
  apiVersion: "client.authentication.k8s.io/v1" | "client.authentication.k8s.io/v1beta1";
  command: string;
  args: string[];
  /** Added to the environment of this process. */
  env: Record<string, string>;
  interactiveMode: "Never" | "IfAvailable" | "Always";
  provideClusterInfo: boolean;
};
