/** Which keys the Secret of a type has, and under which names. */
import type { Atlas } from "./database/schema.ts";
import type { AppSecretSpec } from "../spec.ts";

export const AUTHENTICATION_KEYS = ["JWKS_URI", "AUDIENCE"] as const;
export const DATABASE_KEYS = ["MONGODB_URI", "DATABASE_NAME"] as const;
export const ATLAS_KEYS = [...DATABASE_KEYS, "ATLAS_PROJECT_ID", "ATLAS_CLUSTER_NAME"] as const;
export const ATLAS_API_KEYS = ["ATLAS_PUBLIC_KEY", "ATLAS_PRIVATE_KEY"] as const;

/** Whether the API key goes into the Secret. Unless the spec says so: only where there is no database user to log in as. */
export function publishesApiKeys(atlas: Pick<Atlas, "databaseUser" | "publishApiKeys">): boolean {
  return atlas.publishApiKeys ?? atlas.databaseUser === undefined;
}

/**
 * The keys that a spec publishes, before any of them is renamed. For a disabled Authentication: those it would publish.
 * MONGODB_URI of an Atlas cluster is among them, although its value is known only once Atlas was asked.
 */
export function publishedKeys(spec: AppSecretSpec): readonly string[] {
  switch (spec.type) {
    case "Authentication":
      return AUTHENTICATION_KEYS;
    case "Database":
      if (spec.database.mode === "Database") return DATABASE_KEYS;
      return publishesApiKeys(spec.database.atlas) ? [...ATLAS_KEYS, ...ATLAS_API_KEYS] : ATLAS_KEYS;
    case "Custom":
      return Object.keys(spec.custom.data);
  }
}

/** The name that a published key has in the Secret. */
export function secretKey(key: string, renames: Readonly<Record<string, string>> | undefined): string {
  return (renames && Object.hasOwn(renames, key) ? renames[key] : undefined) ?? key;
}
