/**
 * Strings that the schema takes, and whose form the check refuses: two grammars. The list is empty once there is one, at apply
 * and at check alike; what stays refused is then refused at apply.
 */
export const TAKEN_AT_APPLY: readonly string[] = [
  "Cosmos DB (RU), portal's primary connection string",
  "Cosmos DB (RU), with a database",
  "a placeholder for the host left",
  "a bare % in the password",
  "a bare % at the end of the password",
  "a bare % before hexadecimal digits of no text",
  "an encoded line break at the password's end",
  "an empty password",
  "no password",
  "a zero-width blank copied from a chat",
  "a dash that a word processor made",
  "port 0",
  "port 65536",
  "a host with letters outside ASCII",
  "a host with an encoded letter",
  "a Unix socket",
  "a Unix socket with a login",
  "a Unix socket beside a host",
  "a database name with a bare %",
  "an option without =",
  "an option without a name",
  "a # in a value",
  "a # at the end",
  "a # after the database",
  "a bare % in a value",
  "a bare % in a value, before letters",
  "an @ in a value",
  "SCRAM without a password",
];
