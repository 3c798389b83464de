/** One database: reached by a connection string, or known to MongoDB Atlas. */
import { z } from "zod";

import { NOT_EMPTY } from "../../schema/demands.ts";
import { matches } from "../../schema/formats.ts";
import { type Rule, structure, text, withRules } from "../../schema/rules.ts";
import { secretField, type SecretValue } from "../../secret-value.ts";
import { MONGODB_URI_DEMANDS } from "./mongodb-uri.ts";

export const mongodbUri = secretField("mongodbUri", {
  description:
    "The connection string, for mode Database: mongodb:// or mongodb+srv://, with user name and password percent-encoded. Published as MONGODB_URI.",
  max: 8192,
  demands: MONGODB_URI_DEMANDS,
});

export const publicKey = secretField("atlas.publicKey", {
  description: "The public part of a programmatic API key that may read the project. See publishApiKeys.",
  max: 4096,
  demands: [NOT_EMPTY],
});

export const privateKey = secretField("atlas.privateKey", {
  description: "The private part of the same API key.",
  max: 4096,
  demands: [NOT_EMPTY],
});

export const password = secretField("atlas.databaseUser.password", {
  description: "The database user's password, as it is (not percent-encoded).",
  max: 4096,
  demands: [NOT_EMPTY],
});

const PROJECT_ID = /^[0-9a-fA-F]{24}$/;
const CLUSTER_NAME = /^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/;
/** What MongoDB forbids in the name of a database on Unix, and what an environment variable cannot hold. */
const DATABASE_NAME = /^[^/\\. "$\x00-\x1f\x7f]+$/;
const USERNAME = /^[^\x00-\x1f\x7f]+$/;

const databaseUserSchema = withRules(
  structure({
    username: text({ max: 1024 }).describe("The database user's name, as Atlas shows it under Database Access."),
    password: password.schema,
  }).describe(
    "A database user of the cluster. With it MONGODB_URI carries its credentials, and the API keys are not published unless publishApiKeys asks for them.",
  ),
  [
    {
      cel: matches("self.username", USERNAME),
      holds: ({ username }) => USERNAME.test(username),
      message: "must not be empty, nor contain line breaks or other control characters",
      at: "username",
    },
  ],
);

const atlasSchema = withRules(
  structure({
    projectId: text({ max: 24 }).describe(
      "The Atlas project: 24 hexadecimal digits, found in the project's settings and in its URL. Published as ATLAS_PROJECT_ID.",
    ),
    clusterName: text({ max: 64 }).describe("The cluster's name within the project. Published as ATLAS_CLUSTER_NAME."),
    publicKey: publicKey.schema,
    privateKey: privateKey.schema,
    databaseUser: databaseUserSchema.optional(),
    publishApiKeys: z
      .boolean()
      .describe(
        "Whether the Secret also holds the API key, as ATLAS_PUBLIC_KEY and ATLAS_PRIVATE_KEY. When absent: true without a databaseUser, false with one, because an application that can log in to the database has no use for the API.",
      )
      .optional(),
  }).describe("A cluster of MongoDB Atlas, for mode MongoDBAtlas. Its address is asked from the Atlas Admin API."),
  [
    {
      cel: matches("self.projectId", PROJECT_ID),
      holds: ({ projectId }) => PROJECT_ID.test(projectId),
      message: "must be the 24 hexadecimal digits of an Atlas project (the project's ID, not its name)",
      at: "projectId",
    },
    {
      cel: matches("self.clusterName", CLUSTER_NAME),
      holds: ({ clusterName }) => CLUSTER_NAME.test(clusterName),
      message:
        "must be the name of an Atlas cluster: letters, digits and '-', beginning and ending with a letter or digit",
      at: "clusterName",
    },
  ],
);

const fields = structure({
  name: text({ max: 63 }).describe("The database's name on the server. Published as DATABASE_NAME."),
  mode: z
    .enum(["Database", "MongoDBAtlas"])
    .default("Database")
    .describe(
      "How the database is reached. Database: by the connection string in mongodbUri. MongoDBAtlas: by the cluster and API key in atlas.",
    ),
  mongodbUri: mongodbUri.schema.optional(),
  atlas: atlasSchema.optional(),
}).describe("The database of type Database: its name, and how it is reached.");

const checked = withRules(fields, [
  {
    cel: matches("self.name", DATABASE_NAME),
    holds: ({ name }) => DATABASE_NAME.test(name),
    message: 'must be the name of a MongoDB database: not empty, and without / \\ . $ " and blanks',
    at: "name",
  },
  ...membersOfMode("Database", "mongodbUri"),
  ...membersOfMode("MongoDBAtlas", "atlas"),
]);

/** The rules see to it that each mode has its own member and no other. */
export const databaseSchema = checked as unknown as z.ZodType<Database>;

/** The member that belongs to a mode is required in it, and forbidden in the other. */
function membersOfMode(
  mode: "Database" | "MongoDBAtlas",
  member: "mongodbUri" | "atlas",
): Rule<z.output<typeof fields>>[] {
  return [
    {
      cel: `self.mode != '${mode}' || has(self.${member})`,
      holds: (self) => self.mode !== mode || self[member] !== undefined,
      message: `must be given when mode is ${mode}`,
      at: member,
      reason: "FieldValueRequired",
    },
    {
      cel: `self.mode == '${mode}' || !has(self.${member})`,
      holds: (self) => self.mode === mode || self[member] === undefined,
      message: `must not be given unless mode is ${mode}`,
      at: member,
      reason: "FieldValueForbidden",
    },
  ];
}

export type Atlas = z.output<typeof atlasSchema>;
export type Database =
  | { name: string; mode: "Database"; mongodbUri: SecretValue; atlas?: undefined }
  | { name: string; mode: "MongoDBAtlas"; atlas: Atlas; mongodbUri?: undefined };
