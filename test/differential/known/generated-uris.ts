/** Why generated strings break a rule today. Each reason is one of ./uris.ts, here as the form that it takes. */
import type { Verdict } from "../ours.ts";

export type KnownForm = { kind: string; ours: Verdict["says"]; right: readonly Verdict["says"][]; matches: RegExp };

export const KNOWN_FORMS: readonly KnownForm[] = [
  { kind: "blanks and line breaks", ours: "No", right: ["Yes", "Unverifiable", "No"], matches: /\s/ },
  { kind: "# and @ in the database", ours: "No", right: ["Yes", "Unverifiable"], matches: /\/s[^?]*[#@]/ },
  { kind: "a port with zeros in front", ours: "No", right: ["Yes"], matches: /:027017/ },
  { kind: "X.509", ours: "No", right: ["Unverifiable"], matches: /MONGODB-X509/ },
  { kind: "PLAIN without TLS", ours: "No", right: ["Unverifiable"], matches: /authMechanism=PLAIN/ },
  { kind: "files of the application's container", ours: "No", right: ["Unverifiable"], matches: /tlsCAFile/ },
  { kind: "Unix sockets", ours: "No", right: ["Unverifiable"], matches: /\.sock/ },
  {
    kind: "misspelt values",
    ours: "Yes",
    right: ["No"],
    matches: /=(soon|flase|ten|secundary|Nearest|lzma|perhaps|x)\b/,
  },
];
