/**
 * Where our verdict on a connection string of the corpus and the official drivers differ. `right` has the verdicts that are right,
 * the best first. A kind whose `ours` is among them stays, for the reason given; every other one is to be mended, and then taken
 * off. What a server or the DNS decides is in ./beyond-the-form.ts.
 */
import type { KnownDifference } from "./known-difference.ts";

export const KNOWN_URI_DIFFERENCES: readonly KnownDifference[] = [
  {
    kind: "line breaks and tabs",
    ours: "No",
    right: ["No", "Unverifiable"],
    why: 'Node.js drops tabs and line breaks wherever they are, PyMongo keeps them: the database becomes "shop\\n" and the login fails, or the host does not exist. No string that is meant has one, so a No with its own sentence helps most; it stays at apply.',
    cases: [
      "a line break at its end",
      "a carriage return and a line break at its end",
      "a line break after the port",
      "a line break in its middle",
      "a tab in front of an option",
    ],
  },
  {
    kind: "a comma too many",
    ours: "No",
    right: ["No", "Unverifiable"],
    why: "The specification forbids an empty host and PyMongo refuses it; Node.js connects to localhost in its place. It has a sentence of its own.",
    cases: ["a trailing comma after the hosts", "a comma before the hosts", "two commas between hosts"],
  },
  {
    kind: "characters that have to be encoded",
    ours: "No",
    right: ["No", "Unverifiable"],
    why: "The specification wants an error. PyMongo lets # [ ] and bytes that are no UTF-8 pass, drivers 5 and 6 a bare @ (and read another host), driver 5 to 7 an encoded letter in a host.",
    cases: [
      "a bare @ in the password",
      "a bare # in the password",
      "a bare [ in the password",
      "a bare ] in the password",
      "a bare % before hexadecimal digits of no text",
      "a database name with a bare %",
      "a host with an encoded letter",
    ],
  },
];
