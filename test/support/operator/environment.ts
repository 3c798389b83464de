import { randomBytes } from "node:crypto";
import type { AppSecret } from "#api/schema/spec";
import type { Condition, ConditionType } from "#api/status";
import type { ObjectMeta } from "#common/object-meta";
import type { KubectlResult } from "#testbed/control-plane/index";
import { runKubectl } from "#testbed/control-plane/kubectl";
import type { Api, Recording } from "./api.ts";
import { eventually } from "./eventually.ts";

/** A namespace of one test, and what a person does in it. */
export type Environment = {
  readonly namespace: string;
  readonly api: Api;
  /** Applies an AppSecret as `kubectl apply --server-side` does: fields that are no longer given go. */
  apply: (name: string, spec: object, metadata?: object) => Promise<AppSecret>;
  appSecret: (name: string) => Promise<AppSecret>;
  /** The AppSecret, once its status is about its present generation. */
  evaluated: (name: string) => Promise<AppSecret>;
  /** The AppSecret, once `Ready` says this about its present generation: "True/Published". */
  ready: (name: string, says: string) => Promise<AppSecret>;
  deleteAppSecret: (name: string) => Promise<void>;
  /** The Secret; throws while there is none. */
  secret: (name: string) => Promise<Secret>;
  findSecret: (name: string) => Promise<Secret | undefined>;
  /** The Secret's content as text; throws while there is no Secret. */
  values: (name: string) => Promise<Record<string, string>>;
  /** A Secret that somebody else makes or changes; `data` is text. */
  putSecret: (name: string, data: Record<string, string>, more?: object) => Promise<Secret>;
  /** A JSON merge patch, as somebody else. */
  patchSecret: (name: string, patch: object) => Promise<Secret>;
  deleteSecret: (name: string) => Promise<void>;
  /** A Deployment without Pods, unless there is one already; or of another kind. */
  putWorkload: (name: string, kind?: WorkloadKind) => Promise<void>;
  /** How often a workload was changed since it was made: each restart is one change. Throws while there is none. */
  restarts: (name: string, kind?: WorkloadKind) => Promise<number>;
  /** Events about an AppSecret of this namespace, oldest first. */
  events: (name: string) => Promise<Event[]>;
  /** Everything that happens to the Secrets from now on; ends with the test. */
  recordSecrets: () => Promise<Recording<Secret>>;
  recordAppSecrets: () => Promise<Recording<AppSecret>>;
  /** kubectl, in this namespace. */
  kubectl: (args: readonly string[], input?: string) => Promise<KubectlResult>;
  paths: { appSecrets: string; appSecret: (name: string) => string; secrets: string; secret: (name: string) => string };
  /** Ends the recordings. */
  close: () => void;
};

export type Secret = {
  metadata: ObjectMeta;
  type: string;
  immutable?: boolean;
  /** base64 */
  data?: Record<string, string>;
};

export type Event = {
  type: "Normal" | "Warning";
  reason: string;
  action: string;
  note: string;
  reportingController: string;
  regarding: { kind: string; name: string; uid: string };
  eventTime: string;
  series?: { count: number };
};

export type WorkloadKind = "Deployment" | "StatefulSet" | "DaemonSet";

/** Creates a namespace with a name that nobody else has. */
export async function createEnvironment(api: Api, prefix: string): Promise<Environment> {
  const namespace = `${prefix}-${randomBytes(4).toString("hex")}`;
  await api.create("/api/v1/namespaces", { metadata: { name: namespace } });
  return environment(api, namespace);
}

function environment(api: Api, namespace: string): Environment {
  const appSecrets = `/apis/appsecret.dev/v1/namespaces/${namespace}/appsecrets`;
  const secrets = `/api/v1/namespaces/${namespace}/secrets`;
  const paths = {
    appSecrets,
    appSecret: (name: string) => `${appSecrets}/${name}`,
    secrets,
    secret: (name: string) => `${secrets}/${name}`,
  };
  const recordings: Recording<object>[] = [];
  const record = async <T extends object>(path: string) => {
    const recording = await api.record<T>(path);
    recordings.push(recording);
    return recording;
  };
  const appSecret = (name: string) => api.get<AppSecret>(paths.appSecret(name));
  const evaluated = (name: string) =>
    eventually(async () => {
      const found = await appSecret(name);
      if (found.status?.observedGeneration === found.metadata.generation) return found;
      throw new Error(`${name} was never evaluated: ${JSON.stringify(found.status)}`);
    });

  return {
    namespace,
    api,
    paths,
    apply: (name, spec, metadata = {}) =>
      api.apply(paths.appSecret(name), {
        apiVersion: "appsecret.dev/v1",
        kind: "AppSecret",
        metadata: { name, namespace, ...metadata },
        spec,
      }),
    appSecret,
    evaluated,
    ready: (name, says) =>
      eventually(async () => {
        const found = await appSecret(name);
        const { observedGeneration, message } = condition(found, "Ready");
        if (state(found, "Ready") === says && observedGeneration === found.metadata.generation) return found;
        throw new Error(`${name} is not ${says} but ${state(found, "Ready")}: ${message}`);
      }),
    deleteAppSecret: (name) => api.remove(paths.appSecret(name)),
    secret: (name) => api.get(paths.secret(name)),
    findSecret: (name) => api.find(paths.secret(name)),
    values: async (name) => decoded(await api.get(paths.secret(name))),
    putSecret: (name, data, more = {}) =>
      api.apply(paths.secret(name), {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name, namespace },
        data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, base64(value)])),
        ...more,
      }),
    patchSecret: (name, patch) => api.merge(paths.secret(name), patch),
    deleteSecret: (name) => api.remove(paths.secret(name)),
    async putWorkload(name, kind = "Deployment") {
      const labels = { app: name };
      await api.apply(workloadPath(namespace, name, kind), {
        apiVersion: "apps/v1",
        kind,
        metadata: { name, namespace },
        spec: {
          ...(kind === "DaemonSet" ? {} : { replicas: 0 }),
          ...(kind === "StatefulSet" ? { serviceName: name } : {}),
          selector: { matchLabels: labels },
          template: {
            metadata: { labels },
            spec: { containers: [{ name, image: "none" }], nodeSelector: { no: "node" } },
          },
        },
      });
    },
    async restarts(name, kind = "Deployment") {
      const { metadata } = await api.get<{ metadata: ObjectMeta }>(workloadPath(namespace, name, kind));
      return (metadata.generation ?? 0) - 1;
    },
    async events(name) {
      const { items } = await api.get<{ items: Event[] }>(`/apis/events.k8s.io/v1/namespaces/${namespace}/events`);
      const about = items.filter(({ regarding }) => regarding.kind === "AppSecret" && regarding.name === name);
      return about.sort((a, b) => (a.eventTime < b.eventTime ? -1 : 1));
    },
    recordSecrets: () => record(secrets),
    recordAppSecrets: () => record(appSecrets),
    kubectl: (args, input) => runKubectl("kubectl", ["--namespace", namespace, ...args], { env: api.env, input }),
    close() {
      for (const recording of recordings.splice(0)) recording.stop();
    },
  };
}

function workloadPath(namespace: string, name: string, kind: WorkloadKind): string {
  return `/apis/apps/v1/namespaces/${namespace}/${kind.toLowerCase()}s/${name}`;
}

/** A condition; one that says nothing when there is none, so that a test can wait for it. */
export function condition({ status }: AppSecret, type: ConditionType): Condition {
  const found = status?.conditions?.find((candidate) => candidate.type === type);
  return found ?? { type, status: "Unknown", reason: "", message: "", observedGeneration: -1, lastTransitionTime: "" };
}

/** "True/Published", or "" when there is no such condition. */
export function state(of: AppSecret, type: ConditionType): string {
  const { status, reason } = condition(of, type);
  return reason === "" ? "" : `${status}/${reason}`;
}

export function base64(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}

export function decoded({ data = {} }: Secret): Record<string, string> {
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, "base64").toString("utf8")]),
  );
}
