import { percentEncoded } from "../../schema/formats.ts";

/**
 * The connection string of an Atlas cluster, as it is published in MONGODB_URI and as the live check pings it.
 *
 * Without options, because each one that Atlas's own dialogs have written there over the years is what a driver does
 * anyway: TLS comes with `mongodb+srv`, `authSource` and `replicaSet` with the cluster's TXT record, `retryWrites=true` is
 * the default of drivers and `w=majority` that of the servers (MongoDB 5.0). An application adds options of its own behind
 * the slash: `${MONGODB_URI}?appName=orders`.
 *
 * @param host the host of the cluster's SRV address, such as cluster0.ab1cd.mongodb.net
 * @param user name and password as they are; both are percent-encoded here
 * @returns a string that `mongodbUriProblem` has nothing against
 */
export function atlasUri(host: string, user?: { username: string; password: string }): string {
  const credentials = user === undefined ? "" : `${percentEncoded(user.username)}:${percentEncoded(user.password)}@`;
  return `mongodb+srv://${credentials}${host}/`;
}
