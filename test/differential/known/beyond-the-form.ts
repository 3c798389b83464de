/**
 * What constructing a client does not show: it starts, and then finds no server, or cannot log in or write. `right` is what
 * the check should say without connecting, or once it has connected.
 */
import type { Verdict } from "../ours.ts";

type BeyondTheForm = { what: string; ours: Verdict["says"]; right: Verdict["says"]; why: string };

const LOCAL = "localhost is the workload's own container: what answers the operator there is another server.";
const RETRYABLE =
  "Retryable writes are on by default, and this server refuses them: reads work, the first write fails.";
const COSMOS =
  "Accounts of 3.6 and later refuse retryable writes unless the account has them switched on; of 3.2 no driver asks for them. Say so: the hello of the server, or the first write, decides.";
const PLACEHOLDER =
  "A placeholder was left: the server refuses the login. Say so, and do not try it. Percent-encoded it would stand for itself.";
const NO_SUCH_NAME = "No name in the DNS has such a character, so every driver fails when it connects.";
const NO_PASSWORD = "The Node.js drivers construct a client, and the server refuses its login with an empty password.";
const NO_SUCH_DATABASE = 'The server forbids / \\ " $ and blanks in the name of a database (Invalid namespace).';
const SRV_LIMIT = "The specification forbids the pair; PyMongo refuses it when it resolves the name.";

// prettier-ignore
export const BEYOND_THE_FORM: readonly BeyondTheForm[] = [
  { what: "localhost", ours: "Unverifiable", right: "Unverifiable", why: LOCAL },
  { what: "the loopback address", ours: "Unverifiable", right: "Unverifiable", why: LOCAL },
  { what: "the IPv6 loopback address", ours: "Unverifiable", right: "Unverifiable", why: LOCAL },
  { what: "the address of all interfaces", ours: "Unverifiable", right: "Unverifiable", why: LOCAL },
  { what: "Spring Boot, minimal", ours: "Unverifiable", right: "Unverifiable", why: LOCAL },
  { what: "Testcontainers", ours: "Unverifiable", right: "Unverifiable", why: LOCAL },
  { what: "Graylog's documentation", ours: "Unverifiable", right: "Unverifiable", why: LOCAL },
  { what: "SRV with localhost", ours: "No", right: "No", why: "No SRV record has such a name; drivers with fewer than three labels look below it." },
  { what: "SRV with an IP address", ours: "No", right: "No", why: "An address has no SRV record: every driver fails at the look-up." },
  { what: "Amazon DocumentDB without retryWrites=false", ours: "No", right: "No", why: RETRYABLE },
  { what: "Amazon DocumentDB elastic cluster", ours: "No", right: "No", why: RETRYABLE },
  { what: "Cosmos DB (RU), without retrywrites=false", ours: "Unverifiable", right: "Unverifiable", why: COSMOS },
  { what: "Cosmos DB (RU), 3.2 account", ours: "Unverifiable", right: "Unverifiable", why: COSMOS },
  { what: "w=majority/", ours: "No", right: "No", why: "A write concern by that name does not exist (UnknownReplWriteConcern): every write fails. Only replSetGetConfig could say that one does." },
  { what: "Atlas' placeholder <db_password> left", ours: "No", right: "No", why: PLACEHOLDER },
  { what: "Atlas' placeholders <db_username> and <db_password> left", ours: "No", right: "No", why: PLACEHOLDER },
  { what: "Atlas' placeholder <password> left, with angle brackets around the right one", ours: "Yes", right: "Yes", why: "The server decides: it may be a password that has them. When it refuses the login, the message says so." },
  { what: "DocumentDB's placeholder <insertYourPassword> left", ours: "No", right: "No", why: PLACEHOLDER },
  { what: "DigitalOcean's placeholder <replace-with-your-password> left", ours: "No", right: "No", why: PLACEHOLDER },
  { what: "Cosmos DB vCore's placeholder <password> left", ours: "No", right: "No", why: PLACEHOLDER },
  { what: "a shell variable that nobody replaced", ours: "No", right: "No", why: PLACEHOLDER },
  { what: "a shell variable in braces that nobody replaced", ours: "No", right: "No", why: PLACEHOLDER },
  { what: "a Kubernetes reference that nobody replaced", ours: "No", right: "No", why: PLACEHOLDER },
  { what: "a Helm template that nobody rendered", ours: "No", right: "No", why: PLACEHOLDER },
  { what: "a placeholder for the database left", ours: "Unverifiable", right: "Unverifiable", why: "With a user it is the authSource, and the login fails; without one nothing fails before the first write." },
  { what: "a placeholder for the host left", ours: "No", right: "No", why: NO_SUCH_NAME },
  { what: "a blank after the comma", ours: "No", right: "No", why: NO_SUCH_NAME },
  { what: "a zero-width blank copied from a chat", ours: "No", right: "No", why: NO_SUCH_NAME },
  { what: "a dash that a word processor made", ours: "No", right: "No", why: NO_SUCH_NAME },
  { what: "base64 of the string in its place", ours: "No", right: "No", why: "PyMongo takes it for the name of a host, and there is none." },
  { what: "hosts separated by semicolons", ours: "No", right: "No", why: "One host by a name that cannot exist." },
  { what: "an empty password", ours: "No", right: "No", why: NO_PASSWORD },
  { what: "no password", ours: "No", right: "No", why: NO_PASSWORD },
  { what: "SCRAM without a password", ours: "No", right: "No", why: NO_PASSWORD },
  { what: "a password encoded twice", ours: "Yes", right: "Yes", why: "The server decides. When it refuses the login, the message says that %25 before two hexadecimal digits looks like it." },
  { what: "a quote at its end only", ours: "No", right: "No", why: NO_SUCH_DATABASE },
  { what: "a database name with a blank", ours: "No", right: "No", why: NO_SUCH_DATABASE },
  { what: "a database name with a dollar", ours: "No", right: "No", why: NO_SUCH_DATABASE },
  { what: "a database name with a slash", ours: "No", right: "No", why: NO_SUCH_DATABASE },
  { what: "a database name with an encoded slash", ours: "No", right: "No", why: NO_SUCH_DATABASE },
  { what: "a database name with a double quote", ours: "No", right: "No", why: NO_SUCH_DATABASE },
  { what: "a comment behind a blank", ours: "No", right: "No", why: NO_SUCH_DATABASE },
  { what: "the scheme repeated for each host", ours: "No", right: "No", why: NO_SUCH_DATABASE },
  { what: "srvMaxHosts with a replica set", ours: "No", right: "No", why: SRV_LIMIT },
  { what: "srvMaxHosts with loadBalanced", ours: "No", right: "No", why: SRV_LIMIT },
];
