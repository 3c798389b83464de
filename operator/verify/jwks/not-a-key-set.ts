/**
 * What a login provider answered with instead of a key set: a sentence for each of the usual mistakes, and what to do about it.
 * Pure. No sentence quotes the response.
 */
import { isObject, text } from "./jwk.ts";
import type { Members } from "./jwk.ts";

/** A response that begins with these bytes was compressed by gzip. */
const GZIP = "\x1f\x8b";
const BYTE_ORDER_MARK = "\xef\xbb\xbf";

/**
 * @param body as it came
 * @param value what its JSON says; undefined: it is not JSON
 */
export function whatItIsInstead(body: Buffer, value: unknown): string {
  return value === undefined ? ofText(body.subarray(0, 4_096).toString("latin1"), body) : ofJson(value);
}

/** @param start the first bytes of the body, each as one letter */
function ofText(start: string, body: Buffer): string {
  const visible = start.replace(BYTE_ORDER_MARK, "").trimStart();
  if (visible === "") return "The login provider's response is empty, so it is not JSON. Check jwksUri.";
  if (/^<[?!a-z]/i.test(visible)) {
    return "The login provider returned an HTML or XML page instead of a key set. Check the path in jwksUri.";
  }
  if (/^(\xff\xfe|\xfe\xff|\0|[^\0]\0)/.test(start)) {
    return "The login provider's response is not JSON in UTF-8, but in UTF-16 or UTF-32. Configure the server to send UTF-8.";
  }
  if (start.startsWith(GZIP)) {
    return "The login provider's response is not JSON: it is compressed, and the header Content-Encoding does not say so. Correct the header.";
  }
  if (visible.startsWith("-----BEGIN ")) {
    return "The login provider returned a key or certificate in PEM, which is not JSON. Use the URL of its JSON Web Key Set.";
  }
  if (/^eyJ[\w-]+\.[\w-]+\./.test(visible)) {
    return "The login provider returned a signed document (JWS), which is not JSON. Use the URL of its plain JSON Web Key Set.";
  }
  if (/["']keys["']\s*:\s*\[/.test(body.toString("latin1"))) {
    return "The login provider's response looks like a key set, but it is not JSON: it is cut off, or something does not belong there, such as text around it or an extra comma. Repair it at the server.";
  }
  return "The login provider's response is not JSON, so it is not a key set. Check jwksUri.";
}

const NO_LIST = 'it has no list of "keys"';

function ofJson(value: unknown): string {
  if (Array.isArray(value)) {
    return `The login provider's response is a list, but not a key set: ${NO_LIST}. A key set is an object whose member "keys" is a list. Check jwksUri.`;
  }
  if (typeof value === "string") {
    return `The login provider's response is a text in JSON, but not a key set: ${NO_LIST}. Check that the server does not encode its key set twice.`;
  }
  return (isObject(value) ? ofObject(value) : undefined) ?? ofOther();
}

function ofOther(): string {
  return `The login provider's response is JSON, but not a key set: ${NO_LIST}. Check jwksUri.`;
}

function ofObject(value: Members): string | undefined {
  const members = Object.values(value);
  if (text(value, "jwks_uri") !== undefined) {
    return "The login provider returned its discovery document instead of a key set. Set jwksUri to the jwks_uri in that document.";
  }
  if (members.length > 0 && members.every(isCertificate)) {
    return "The login provider returned a list of certificates by key ID, as Google and Firebase do at one of their URLs, instead of a key set. Use the URL that returns a JSON Web Key Set: it is .../oauth2/v3/certs for Google, and .../service_accounts/v1/jwk/... for Firebase.";
  }
  if (text(value, "public_key") !== undefined && text(value, "token-service") !== undefined) {
    return "The login provider returned Keycloak's description of a realm instead of a key set. Append /protocol/openid-connect/certs to jwksUri.";
  }
  if (Object.hasOwn(value, "keys")) {
    return `The login provider's response is not a key set: ${NO_LIST}, but something else under that name. Check jwksUri.`;
  }
  if (text(value, "kty") !== undefined) {
    return `The login provider returned a single key instead of a key set: ${NO_LIST}. Use the URL of its JSON Web Key Set.`;
  }
  if (members.some((member) => isObject(member) && Array.isArray(member["keys"]))) {
    return `The login provider returned a key set inside of another object: at the top ${NO_LIST}. Applications need it there. Check jwksUri.`;
  }
  if (Object.hasOwn(value, "error") || text(value, "title") !== undefined) {
    return "The login provider returned an error message instead of a key set. Check jwksUri.";
  }
  if (text(value, "issuer") !== undefined) {
    return `The login provider returned a description of itself instead of a key set: ${NO_LIST}, and no jwks_uri. Check jwksUri.`;
  }
  return undefined;
}

function isCertificate(value: unknown): boolean {
  return typeof value === "string" && value.startsWith("-----BEGIN CERTIFICATE-----");
}
