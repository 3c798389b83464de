/** What the live check of a spec is about. What a verdict means for a decision is in verdict.ts, the checking in operator/verify. */
import { createHash } from "node:crypto";
import type { CheckSubject } from "#api/check";
import type { AppSecret, AppSecretSpec, SecretValue } from "#api/schema/spec";
import { text } from "./content.ts";

/** A spec whose values mean something to us. */
export type CheckedSpec = Exclude<AppSecretSpec, { type: "Custom" }>;

/** Custom values mean nothing to us, and `Off` is the user's word. */
export function isChecked(spec: AppSecretSpec): spec is CheckedSpec {
  return spec.type !== "Custom" && spec.verify !== "Off";
}

/**
 * @param read gives a value of the spec as base64, its source resolved
 * @returns what is to be checked
 */
export function checkSubjectOf(spec: CheckedSpec, read: (value: SecretValue) => string): CheckSubject {
  switch (spec.type) {
    case "Authentication":
      return { kind: "JWKS", uri: spec.authentication.jwksUri };
    case "Database": {
      const { database } = spec;
      if (database.mode === "Database") {
        return { kind: "MongoDB", uri: text(read(database.mongodbUri)), database: database.name };
      }
      const { projectId, clusterName, publicKey, privateKey, databaseUser } = database.atlas;
      return {
        kind: "Atlas",
        projectId,
        clusterName,
        publicKey: text(read(publicKey)),
        privateKey: text(read(privateKey)),
        ...(databaseUser
          ? { databaseUser: { username: databaseUser.username, password: text(read(databaseUser.password)) } }
          : {}),
        database: database.name,
      };
    }
  }
}

/**
 * When in each interval a check is repeated, from 0 to 1: the same before and after a restart, so that a restart adds no
 * check, and the same for all AppSecrets with the same address, so that they share one. Different addresses are spread.
 */
export function phaseOf({ metadata, spec }: AppSecret): number {
  const place =
    spec.type === "Authentication"
      ? [spec.authentication.jwksUri]
      : [metadata.namespace, JSON.stringify(spec.database)];
  return createHash("sha256").update(place.join(" ")).digest().readUInt32BE() / 2 ** 32;
}
