import { always, defineType, sometimes, type Variant } from "../define.ts";
import { atlasUri } from "./atlas-uri.ts";
import { type Atlas, type Database, databaseSchema, mongodbUri, password, privateKey, publicKey } from "./schema.ts";

const KEYS = ["MONGODB_URI", "DATABASE_NAME"];

/** Whether the API key goes into the Secret. Unless the spec says so: only where there is no database user to log in as. */
function publishesApiKeys({ publishApiKeys, databaseUser }: Atlas): boolean {
  return publishApiKeys ?? databaseUser === undefined;
}

const byUri: Variant<Database> = {
  is: ({ mode }) => mode === "Database",
  when: (content) => `${content}.mode == 'Database'`,
  keys: always(KEYS),
};

const onAtlas: Variant<Database> = {
  is: ({ mode }) => mode === "MongoDBAtlas",
  when: (content) => `has(${content}.atlas) && ${content}.mode == 'MongoDBAtlas'`,
  keys: sometimes([...KEYS, "ATLAS_PROJECT_ID", "ATLAS_CLUSTER_NAME"], {
    keys: ["ATLAS_PUBLIC_KEY", "ATLAS_PRIVATE_KEY"],
    is: ({ mode, atlas }) => mode === "MongoDBAtlas" && publishesApiKeys(atlas),
    when: (content) =>
      `has(${content}.atlas.publishApiKeys) ? ${content}.atlas.publishApiKeys : !has(${content}.atlas.databaseUser)`,
    named: "if the API key is published",
  }),
};

export const database = defineType({
  name: "Database",
  member: "database",
  onePerNamespace: true,
  schema: databaseSchema,
  variants: [byUri, onAtlas],
  secretFields: (content) => {
    if (content.mode === "Database") return [mongodbUri.of(content.mongodbUri)];
    const { databaseUser } = content.atlas;
    return [
      publicKey.of(content.atlas.publicKey),
      privateKey.of(content.atlas.privateKey),
      ...(databaseUser ? [password.of(databaseUser.password)] : []),
    ];
  },
  data: (content, read, { host }) => {
    const name = { DATABASE_NAME: content.name };
    if (content.mode === "Database") return { ...name, MONGODB_URI: content.mongodbUri };
    const { atlas } = content;
    const { databaseUser } = atlas;
    const user = databaseUser && { username: databaseUser.username, password: read(databaseUser.password) };
    return {
      ...name,
      ...(host === undefined ? {} : { MONGODB_URI: atlasUri(host, user) }),
      ATLAS_PROJECT_ID: atlas.projectId,
      ATLAS_CLUSTER_NAME: atlas.clusterName,
      ...(publishesApiKeys(atlas) ? { ATLAS_PUBLIC_KEY: atlas.publicKey, ATLAS_PRIVATE_KEY: atlas.privateKey } : {}),
    };
  },
  check: {
    subject: (content, read) => {
      if (content.mode === "Database") {
        return { kind: "MongoDB", uri: read(content.mongodbUri), database: content.name };
      }
      const { projectId, clusterName, databaseUser, ...keys } = content.atlas;
      return {
        kind: "Atlas",
        projectId,
        clusterName,
        publicKey: read(keys.publicKey),
        privateKey: read(keys.privateKey),
        ...(databaseUser
          ? { databaseUser: { username: databaseUser.username, password: read(databaseUser.password) } }
          : {}),
        database: content.name,
      };
    },
    // Of Atlas everything: the check looks up the project and the cluster, with the API key.
    keys: (content) => (content.mode === "Database" ? byUri : onAtlas).keys.of(content),
    group: (content, namespace) => [namespace, JSON.stringify(content)],
  },
  disabled: () => undefined,
});
