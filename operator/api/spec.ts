/** The types of an AppSecret as it is once its spec has passed the schema. */
import type { Authentication } from "./types/authentication/schema.ts";
import type { Custom } from "./types/custom/schema.ts";
import type { Database } from "./types/database/schema.ts";
import type { ObjectMeta } from "#common/object-meta";
import type { API_VERSION, KIND } from "./names.ts";
import type { Workload } from "./schema/restart.ts";
import type { AppSecretStatus } from "./status.ts";
import type { Target } from "./schema/target.ts";

export const TYPES = ["Authentication", "Database", "Custom"] as const;
export type AppSecretType = (typeof TYPES)[number];

type Common = {
  target: Target;
  deletionPolicy: "Delete" | "Retain";
  verify: "Strict" | "BestEffort" | "Off";
  suspend: boolean;
  restart?: Workload[] | undefined;
};

/** A valid spec with its defaults filled in; `type` tells which member is there. */
export type AppSecretSpec = Common &
  (
    | { type: "Authentication"; authentication: Authentication; database?: undefined; custom?: undefined }
    | { type: "Database"; database: Database; authentication?: undefined; custom?: undefined }
    | { type: "Custom"; custom: Custom; authentication?: undefined; database?: undefined }
  );

/** An AppSecret as the API server gives it: defaults are filled in, `spec` has passed the rules of the CRD in force. */
export type AppSecret = {
  apiVersion: typeof API_VERSION;
  kind: typeof KIND;
  metadata: ObjectMeta;
  spec: AppSecretSpec;
  status?: AppSecretStatus;
};
