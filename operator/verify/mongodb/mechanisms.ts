/** How a connection string logs in: the values of authMechanism, what each needs, and which of them a check can use. */
import type { Options } from "./refusal.ts";

export type Mechanism = "DEFAULT" | "SCRAM-SHA-1" | "SCRAM-SHA-256" | "PLAIN";

const CHECKED: readonly string[] = ["DEFAULT", "SCRAM-SHA-1", "SCRAM-SHA-256", "PLAIN"] satisfies Mechanism[];

/** Mechanisms that only the application can use, and why. */
export const UNCHECKED_MECHANISMS: ReadonlyMap<string, string> = new Map([
  ["MONGODB-X509", "the client certificate is in the application's container"],
  ["MONGODB-AWS", "the AWS identity is the application's"],
  ["MONGODB-OIDC", "the token is the application's"],
  ["GSSAPI", "the Kerberos identity is the application's"],
  ["MONGODB-CR", "servers of today and their drivers do not have it"],
]);

export const MECHANISMS: readonly string[] = [...CHECKED, ...UNCHECKED_MECHANISMS.keys()];

/** Database of a user whom the server does not keep itself. */
const EXTERNAL = "$external";
const OF_EXTERNAL_USERS = ["MONGODB-X509", "MONGODB-AWS", "MONGODB-OIDC", "GSSAPI"];
const WITH_USER = ["SCRAM-SHA-1", "SCRAM-SHA-256", "PLAIN", "GSSAPI"];

export type Login = { username: string; password: string };

/** What no driver takes. Reads on after "The connection string's option ". */
export function mechanismProblem(mechanism: string, login: Login | undefined, options: Options): string | undefined {
  const authSource = options.get("authSource");
  if (WITH_USER.includes(mechanism) && login === undefined) return "authMechanism requires a user name";
  if (OF_EXTERNAL_USERS.includes(mechanism) && authSource !== undefined && authSource !== EXTERNAL) {
    return `authSource must be ${EXTERNAL} for this authMechanism`;
  }
  if (mechanism === "MONGODB-X509" && login !== undefined && login.password !== "") {
    return "authMechanism is MONGODB-X509, which allows no password";
  }
  if (mechanism === "MONGODB-AWS" && login?.password === "") {
    return "authMechanism is MONGODB-AWS, which requires a secret key beside the access key";
  }
  return mechanism === "MONGODB-OIDC" ? oidcProblem(login, options) : undefined;
}

/** MongoDB's "Authentication" specification, MONGODB-OIDC. */
function oidcProblem(login: Login | undefined, options: Options): string | undefined {
  const properties = propertiesOf(options);
  const environment = properties.get("ENVIRONMENT") ?? "";
  if (!["test", "azure", "gcp", "k8s"].includes(environment)) {
    return "authMechanismProperties must have an ENVIRONMENT: azure, gcp, k8s or test";
  }
  if ((environment === "azure" || environment === "gcp") && !properties.has("TOKEN_RESOURCE")) {
    return "authMechanismProperties must have a TOKEN_RESOURCE for this ENVIRONMENT";
  }
  if (properties.has("ALLOWED_HOSTS")) return "authMechanismProperties cannot have ALLOWED_HOSTS";
  if (login !== undefined && (login.password !== "" || environment !== "azure")) {
    return "authMechanism is MONGODB-OIDC, which allows no password, and a user name with azure only";
  }
  return undefined;
}

function propertiesOf(options: Options): ReadonlyMap<string, string> {
  const pairs = (options.get("authMechanismProperties") ?? "").split(",");
  return new Map(pairs.map((pair) => [pair.slice(0, pair.indexOf(":")), pair.slice(pair.indexOf(":") + 1)] as const));
}

export function isChecked(mechanism: string): mechanism is Mechanism {
  return CHECKED.includes(mechanism);
}
