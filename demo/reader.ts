/** Reads the objects that the demo's facts are about, as they are in the API server now. */
import type { AppSecret } from "#api/schema/spec";
import type { ConditionType } from "#api/status";
import type { Stage } from "./stage.ts";

export type PublishedContent = {
  resourceVersion: string;
  /** All content, comparable. */
  data: string;
  /** Decoded. */
  values: Record<string, string>;
};

export type Reader = {
  appSecret(namespace: string, name: string): Promise<AppSecret>;
  /** None: of all namespaces. */
  appSecrets(namespace?: string): Promise<AppSecret[]>;
  /** A Secret that is not there has no content, and the version "". */
  secret(namespace: string, name: string): Promise<PublishedContent>;
};

export function reader(stage: Stage): Reader {
  const get = async (what: string): Promise<unknown> => {
    const { stdout } = await stage.quietly(`kubectl get ${what} --ignore-not-found -o json`);
    return stdout === "" ? undefined : JSON.parse(stdout);
  };
  return {
    appSecret: async (namespace, name) => (await get(`appsecret/${name} -n ${namespace}`)) as AppSecret,
    async appSecrets(namespace) {
      const where = namespace === undefined ? "-A" : `-n ${namespace}`;
      return ((await get(`appsecrets ${where}`)) as { items: AppSecret[] }).items;
    },
    async secret(namespace, name) {
      const found = (await get(`secret/${name} -n ${namespace}`)) as
        { metadata: { resourceVersion: string }; data?: Record<string, string> } | undefined;
      const entries = Object.entries(found?.data ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
      return {
        resourceVersion: found?.metadata.resourceVersion ?? "",
        data: JSON.stringify(entries),
        values: Object.fromEntries(entries.map(([key, value]) => [key, Buffer.from(value, "base64").toString("utf8")])),
      };
    },
  };
}

/** Whether the status is about the present spec, and says that it is ready. */
export function isReady(appSecret: AppSecret): boolean {
  return condition(appSecret, "Ready")?.status === "True";
}

/** The reason of a condition; undefined until the operator has looked at the present spec. */
export function reasonOf(appSecret: AppSecret, type: ConditionType): string | undefined {
  return condition(appSecret, type)?.reason;
}

function condition({ metadata, status }: AppSecret, wanted: ConditionType) {
  return status?.conditions?.find(
    ({ type, observedGeneration }) => type === wanted && observedGeneration === metadata.generation,
  );
}
