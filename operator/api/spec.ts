/** The types of an AppSecret as it is once its spec has passed the schema. */
import type { z } from "zod";

import type { ObjectMeta } from "#common/object-meta";
import type { API_VERSION, KIND } from "./names.ts";
import type { Common } from "./schema/common.ts";
import type { AppSecretStatus } from "./status.ts";
import type { TypeDefinition } from "./types/define.ts";
import type { TYPES } from "./types/index.ts";

/** A spec of one of these types: `type` tells which member is there. */
export type SpecOf<Types extends TypeDefinition> = Common &
  {
    [Type in Types as Type["name"]]: { type: Type["name"] } & {
      [Own in Type["member"]]: z.output<Type["schema"]>;
    } & { [Other in Exclude<Types["member"], Type["member"]>]?: undefined };
  }[Types["name"]];

/** A valid spec with its defaults filled in. */
export type AppSecretSpec = SpecOf<(typeof TYPES)[number]>;
export type AppSecretType = AppSecretSpec["type"];

/** An AppSecret as the API server gives it: defaults are filled in, `spec` has passed the rules of the CRD in force. */
export type AppSecret = {
  apiVersion: typeof API_VERSION;
  kind: typeof KIND;
  metadata: ObjectMeta;
  spec: AppSecretSpec;
  status?: AppSecretStatus;
};
