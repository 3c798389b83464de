/**
 * Strings that the schema takes, and whose form the check refuses: two grammars. The list is empty once there is one, at apply
 * and at check alike; what stays refused is then refused at apply.
 */
export const TAKEN_AT_APPLY: readonly string[] = [
  "a placeholder for the host left",
  "a bare % before hexadecimal digits of no text",
  "an encoded line break at the password's end",
  "an empty password",
  "no password",
  "a zero-width blank copied from a chat",
  "a dash that a word processor made",
  "port 0",
  "port 65536",
  "a host with an encoded letter",
  "a Unix socket",
  "a Unix socket with a login",
  "a Unix socket beside a host",
  "a database name with a bare %",
  "an option without =",
  "an option without a name",
  "an @ in a value",
  "SCRAM without a password",
];
