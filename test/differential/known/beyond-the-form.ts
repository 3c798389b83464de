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
const PLACEHOLDER = "A placeholder was left: the server refuses the login. Name the placeholder, and do not try it.";

// prettier-ignore
export const BEYOND_THE_FORM: readonly BeyondTheForm[] = [
  { what: "localhost", ours: "Yes", right: "Unverifiable", why: LOCAL },
  { what: "the loopback address", ours: "Yes", right: "Unverifiable", why: LOCAL },
  { what: "the IPv6 loopback address", ours: "Yes", right: "Unverifiable", why: LOCAL },
  { what: "the address of all interfaces", ours: "Yes", right: "Unverifiable", why: LOCAL },
  { what: "Spring Boot, minimal", ours: "Yes", right: "Unverifiable", why: LOCAL },
  { what: "Testcontainers", ours: "Yes", right: "Unverifiable", why: LOCAL },
  { what: "Graylog's documentation", ours: "Yes", right: "Unverifiable", why: LOCAL },
  { what: "SRV with localhost", ours: "Yes", right: "No", why: "No SRV record has such a name; drivers with fewer than three labels look below it." },
  { what: "SRV with an IP address", ours: "Yes", right: "No", why: "An address has no SRV record: every driver fails at the look-up." },
  { what: "Amazon DocumentDB without retryWrites=false", ours: "Yes", right: "No", why: RETRYABLE },
  { what: "Amazon DocumentDB elastic cluster", ours: "Yes", right: "No", why: RETRYABLE },
  { what: "Cosmos DB (RU), without retrywrites=false", ours: "Yes", right: "Unverifiable", why: COSMOS },
  { what: "Cosmos DB (RU), 3.2 account", ours: "Yes", right: "Unverifiable", why: COSMOS },
  { what: "w=majority/", ours: "Yes", right: "No", why: "A write concern by that name does not exist (UnknownReplWriteConcern): every write fails. Only replSetGetConfig could say that one does." },
  { what: "Atlas' placeholder <db_password> left", ours: "Yes", right: "No", why: PLACEHOLDER },
  { what: "Atlas' placeholders <db_username> and <db_password> left", ours: "Yes", right: "No", why: PLACEHOLDER },
  { what: "Atlas' placeholder <password> left, with angle brackets around the right one", ours: "Yes", right: "No", why: "Angle brackets around the password: the server refuses the login. Say so, no more: it may be one that has them." },
  { what: "DocumentDB's placeholder <insertYourPassword> left", ours: "Yes", right: "No", why: PLACEHOLDER },
  { what: "DigitalOcean's placeholder <replace-with-your-password> left", ours: "Yes", right: "No", why: PLACEHOLDER },
  { what: "Cosmos DB vCore's placeholder <password> left", ours: "Yes", right: "No", why: PLACEHOLDER },
  { what: "a shell variable that nobody replaced", ours: "Yes", right: "No", why: PLACEHOLDER },
  { what: "a shell variable in braces that nobody replaced", ours: "Yes", right: "No", why: PLACEHOLDER },
  { what: "a Kubernetes reference that nobody replaced", ours: "Yes", right: "No", why: PLACEHOLDER },
  { what: "a placeholder for the database left", ours: "Yes", right: "Unverifiable", why: "With a user it is the authSource, and the login fails; without one nothing fails before the first write." },
  { what: "a password encoded twice", ours: "Yes", right: "Yes", why: "The server decides. When it refuses the login, say that %25 before two hexadecimal digits looks like it." },
  { what: "hosts separated by semicolons", ours: "No", right: "No", why: "One host by a name that cannot exist." },
];
