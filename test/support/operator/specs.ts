/** AppSecrets as the tests write them. */

type Value = { value: string } | { valueFrom: { secretKeyRef: { name: string; key: string } } };

export const from = (name: string, key: string): Value => ({ valueFrom: { secretKeyRef: { name, key } } });

/** A Custom AppSecret; a plain text stands for `{ value }`. */
export function custom(data: Record<string, string | Value>, more: object = {}): object {
  const values = Object.entries(data).map(([key, value]) => [key, typeof value === "string" ? { value } : value]);
  return { type: "Custom", custom: { data: Object.fromEntries(values) as Record<string, Value> }, ...more };
}

export function login(more: { authentication?: object; [field: string]: unknown } = {}): object {
  const { authentication, ...rest } = more;
  const uri = "https://id.example.com/.well-known/jwks.json";
  return {
    type: "Authentication",
    authentication: { jwksUri: uri, audience: "orders-api", ...authentication },
    ...rest,
  };
}

export function database(more: object = {}, mongodbUri: Value = { value: MONGODB_URI }): object {
  return { type: "Database", database: { name: "orders", mongodbUri }, ...more };
}

export const MONGODB_URI = "mongodb://orders:s3cret@db.example.com:27017/?authSource=admin";

export function atlas(more: object = {}): object {
  const keys = { publicKey: { value: "abcdefgh" }, privateKey: { value: "00000000-1111-2222-3333-444444444444" } };
  const cluster = { projectId: "64f0a1b2c3d4e5f6a7b8c9d0", clusterName: "prod-eu", ...keys, ...more };
  return { type: "Database", database: { name: "orders", mode: "MongoDBAtlas", atlas: cluster } };
}
