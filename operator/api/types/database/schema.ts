/** One database: reached by a connection string, or known to MongoDB Atlas. */
import { z } from "zod";

import { NOT_EMPTY } from "../../schema/demands.ts";
import { matches } from "../../schema/formats.ts";
import { type Rule, structure, text, withRules } from "../../schema/rules.ts";
import { secretField, type SecretValue } from "../../secret-value.ts";
import { MONGODB_URI_DEMANDS } from "./mongodb-uri.ts";
import { MONGODB_FORMAT_DEMANDS } from "./uri-format.ts";

export const mongodbUri = secretField("mongodbUri", {
  description:
    "The connection string, for mode Database. It begins with mongodb:// or mongodb+srv://, and its user name and password are percent-encoded. Published as MONGODB_URI.",
  max: 8192,
  demands: MONGODB_URI_DEMANDS,
  formatDemands: MONGODB_FORMAT_DEMANDS,
});

export const publicKey = secretField("atlas.publicKey", {
  description:
    "The public key of an Atlas API key that can read the project. See publishApiKeys for when it is published.",
  max: 4096,
  demands: [NOT_EMPTY],
});

export const privateKey = secretField("atlas.privateKey", {
  description: "The private key of the same API key. See publishApiKeys for when it is published.",
  max: 4096,
  demands: [NOT_EMPTY],
});

export const password = secretField("atlas.databaseUser.password", {
  description: "The database user's password, not percent-encoded.",
  max: 4096,
  demands: [NOT_EMPTY],
});

const PROJECT_ID = /^[0-9a-fA-F]{24}$/;
const CLUSTER_NAME = /^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/;
/** Without what MongoDB forbids in the name of a database on Unix, and what an environment variable cannot hold. */
const DATABASE_NAME = /^[^/\\. "$\x00-\x1f\x7f]+$/;
const USERNAME = /^[^\x00-\x1f\x7f]+$/;

const databaseUserSchema = withRules(
  structure({
    username: text({ max: 1024 }).describe("The database user's name, as Atlas shows it under Database Access."),
    password: password.schema,
  }).describe(
    "A database user of the cluster. If set, MONGODB_URI includes the user's credentials, and the API key is not published unless publishApiKeys is true.",
  ),
  [
    {
      cel: matches("self.username", USERNAME),
      holds: ({ username }) => USERNAME.test(username),
      message: "must not be empty or contain line breaks or other control characters",
      at: "username",
    },
  ],
);

const atlasSchema = withRules(
  structure({
    projectId: text({ max: 24 }).describe(
      "The ID of the Atlas project: 24 hexadecimal digits, which you find in the project's settings and URL. Published as ATLAS_PROJECT_ID.",
    ),
    clusterName: text({ max: 64 }).describe("The cluster's name in the project. Published as ATLAS_CLUSTER_NAME."),
    publicKey: publicKey.schema,
    privateKey: privateKey.schema,
    databaseUser: databaseUserSchema.optional(),
    publishApiKeys: z
      .boolean()
      .describe(
        "Whether to publish the API key, as ATLAS_PUBLIC_KEY and ATLAS_PRIVATE_KEY. If not set, the API key is published only without a databaseUser, because an application that can log in to the database does not need the API.",
      )
      .optional(),
  }).describe(
    "A MongoDB Atlas cluster, for mode MongoDBAtlas. The operator looks up its address in the Atlas Admin API and publishes it in MONGODB_URI.",
  ),
  [
    {
      cel: matches("self.projectId", PROJECT_ID),
      holds: ({ projectId }) => PROJECT_ID.test(projectId),
      message: "must be the ID of an Atlas project, not its name: 24 hexadecimal digits",
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
      "How to reach the database. Database: with the connection string in mongodbUri. MongoDBAtlas: as the Atlas cluster in atlas.",
    ),
  mongodbUri: mongodbUri.schema.optional(),
  atlas: atlasSchema.optional(),
}).describe("The database, for type Database: its name, and how to reach it.");

const checked = withRules(fields, [
  {
    cel: matches("self.name", DATABASE_NAME),
    holds: ({ name }) => DATABASE_NAME.test(name),
    message:
      'must be the name of a MongoDB database: not empty, and without spaces, control characters or any of / \\ . $ "',
    at: "name",
  },
  ...membersOfMode("Database", "mongodbUri"),
  ...membersOfMode("MongoDBAtlas", "atlas"),
]);

/** The rules make sure that each mode has its own member and no other, which zod cannot infer. */
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
      message: `must be set when mode is ${mode}`,
      at: member,
      reason: "FieldValueRequired",
    },
    {
      cel: `self.mode == '${mode}' || !has(self.${member})`,
      holds: (self) => self.mode === mode || self[member] === undefined,
      message: `must not be set unless mode is ${mode}`,
      at: member,
      reason: "FieldValueForbidden",
    },
  ];
}

export type Atlas = z.output<typeof atlasSchema>;
export type Database =
  | { name: string; mode: "Database"; mongodbUri: SecretValue; atlas?: undefined }
  | { name: string; mode: "MongoDBAtlas"; atlas: Atlas; mongodbUri?: undefined };
