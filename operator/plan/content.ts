import { atlasUri } from "#api/types/database/atlas-uri";
import { publishesApiKeys, secretKey } from "#api/types/published-keys";
import type { AppSecretSpec, SecretValue } from "#api/schema/spec";
import { mongodbUriProblem } from "#api/schema/urls";

/** A value of the spec and where it stands, for messages. */
export type SecretField = { path: string; value: SecretValue };

/** Every SecretValue of a spec, in the order of the API. */
export function secretFields(spec: AppSecretSpec): SecretField[] {
  switch (spec.type) {
    case "Authentication":
      return [];
    case "Database": {
      const { database } = spec;
      if (database.mode === "Database") return [{ path: "spec.database.mongodbUri", value: database.mongodbUri }];
      const { publicKey, privateKey, databaseUser } = database.atlas;
      const fields = [
        { path: "spec.database.atlas.publicKey", value: publicKey },
        { path: "spec.database.atlas.privateKey", value: privateKey },
      ];
      if (databaseUser) {
        fields.push({ path: "spec.database.atlas.databaseUser.password", value: databaseUser.password });
      }
      return fields;
    }
    case "Custom":
      return Object.entries(spec.custom.data).map(([key, value]) => ({ path: `spec.custom.data[${key}]`, value }));
  }
}

/**
 * The data of the Secret that a spec asks for, keys renamed and sorted.
 *
 * @param read gives a value of the spec as base64, its source resolved
 * @param host of the Atlas cluster; without it MONGODB_URI of an Atlas database is left out
 * @returns base64 by key, or what is wrong with a value that only its source could tell; never the value itself
 */
export function content(
  spec: AppSecretSpec,
  read: (value: SecretValue) => string,
  host?: string,
): { ok: true; data: Record<string, string> } | { ok: false; problem: string } {
  for (const { path, value } of secretFields(spec)) {
    const problem = value.valueFrom ? sourceProblem(path, text(read(value))) : undefined;
    if (problem !== undefined) {
      const { name, key } = value.valueFrom?.secretKeyRef ?? { name: "", key: "" };
      return { ok: false, problem: `${path}: key "${key}" of Secret "${name}" ${problem}.` };
    }
  }
  const renamed = Object.entries(published(spec, read, host)).map(([key, value]): [string, string] => [
    secretKey(key, spec.target.keys),
    value,
  ]);
  renamed.sort(([a], [b]) => (a < b ? -1 : 1));
  return { ok: true, data: Object.fromEntries(renamed) };
}

/** The size of a Secret's data as the API server counts it: the decoded values, in bytes. */
export function size(data: Readonly<Record<string, string>>): number {
  return Object.values(data).reduce((sum, value) => sum + Buffer.byteLength(value, "base64"), 0);
}

/** What the CRD demands of a literal value, demanded of one that came from a Secret. */
function sourceProblem(path: string, value: string): string | undefined {
  if (path === "spec.database.mongodbUri") return mongodbUriProblem(value);
  if (path.startsWith("spec.database.") && value === "") return "must not be empty";
  return undefined;
}

/** Base64 by published key, before renaming. */
function published(
  spec: AppSecretSpec,
  read: (value: SecretValue) => string,
  host: string | undefined,
): Record<string, string> {
  switch (spec.type) {
    case "Authentication":
      return { JWKS_URI: base64(spec.authentication.jwksUri), AUDIENCE: base64(spec.authentication.audience) };
    case "Database": {
      const { database } = spec;
      const name = { DATABASE_NAME: base64(database.name) };
      if (database.mode === "Database") return { ...name, MONGODB_URI: read(database.mongodbUri) };
      const { projectId, clusterName, publicKey, privateKey, databaseUser } = database.atlas;
      const user = databaseUser && { username: databaseUser.username, password: text(read(databaseUser.password)) };
      return {
        ...name,
        ...(host === undefined ? {} : { MONGODB_URI: base64(atlasUri(host, user)) }),
        ATLAS_PROJECT_ID: base64(projectId),
        ATLAS_CLUSTER_NAME: base64(clusterName),
        ...(publishesApiKeys(database.atlas)
          ? { ATLAS_PUBLIC_KEY: read(publicKey), ATLAS_PRIVATE_KEY: read(privateKey) }
          : {}),
      };
    }
    case "Custom":
      return Object.fromEntries(Object.entries(spec.custom.data).map(([key, value]) => [key, read(value)]));
  }
}

function base64(value: string): string {
  return Buffer.from(value, "utf8").toString("base64");
}

/** The text of a base64 value. */
export function text(value: string): string {
  return Buffer.from(value, "base64").toString("utf8");
}
