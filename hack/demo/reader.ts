/** Reads the objects that the demo's facts are about, as they are in the API server now. */
import type { AppSecret } from "../../operator/api/schema.ts";
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
  appSecrets(namespace: string): Promise<AppSecret[]>;
  /** A Secret that is not there has no content. */
  secret(namespace: string, name: string): Promise<PublishedContent>;
};

export function reader(stage: Stage): Reader {
  const get = async (what: string, namespace: string): Promise<unknown> => {
    const { stdout } = await stage.quietly(`kubectl get ${what} -n ${namespace} --ignore-not-found -o json`);
    return stdout === "" ? undefined : JSON.parse(stdout);
  };
  return {
    appSecret: async (namespace, name) => (await get(`appsecret/${name}`, namespace)) as AppSecret,
    appSecrets: async (namespace) => ((await get("appsecrets", namespace)) as { items: AppSecret[] }).items,
    async secret(namespace, name) {
      const found = (await get(`secret/${name}`, namespace)) as
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
  return ready(appSecret)?.status === "True";
}

/** The reason of Ready; undefined until the operator has looked at the present spec. */
export function readyReason(appSecret: AppSecret): string | undefined {
  return ready(appSecret)?.reason;
}

function ready({ metadata, status }: AppSecret) {
  return status?.conditions?.find(
    ({ type, observedGeneration }) => type === "Ready" && observedGeneration === metadata.generation,
  );
}
