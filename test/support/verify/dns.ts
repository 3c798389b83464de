/** A DNS server on loopback that knows the records of a few names (RFC 1035, RFC 2782, RFC 3596). */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { addressBytes } from "#verify/network/addresses";

export type Records = {
  /** IPv4 addresses. */
  a?: readonly string[];
  /** IPv6 addresses. */
  aaaa?: readonly string[];
  srv?: readonly { name: string; port: number }[];
  /** Each a record of its own. */
  txt?: readonly string[];
  /** In place of all records; `silent`: gets no answer. */
  fails?: "servfail" | "refused" | "silent";
  /** Of these types it knows nothing, and says nothing. */
  silentFor?: readonly string[];
};

export type DnsServer = { readonly address: string; readonly asked: string[]; close(): Promise<void> };

const TYPES: Readonly<Record<number, string>> = { 1: "A", 16: "TXT", 28: "AAAA", 33: "SRV" };
const NAME_ERROR = 3;
const FAILURES = { servfail: 2, refused: 5 };

/** `silent`: takes every question and answers none. */
export async function startDns(
  zone: Readonly<Record<string, Records>>,
  silent = false,
  at: { address?: string; port?: number } = {},
): Promise<DnsServer> {
  const { address = "127.0.0.1", port = 0 } = at;
  const socket = createSocket("udp4");
  const asked: string[] = [];
  socket.on("message", (query, from) => {
    const { name, end } = readName(query, 12);
    const type = query.readUInt16BE(end);
    const typeName = TYPES[type] ?? String(type);
    asked.push(`${typeName} ${name}`);
    const records = zone[name.toLowerCase()];
    const fails = records?.fails;
    if (silent || fails === "silent" || records?.silentFor?.includes(typeName)) return;
    const answers = records === undefined || fails !== undefined ? [] : answersOf(records, typeName);
    const code = records === undefined ? NAME_ERROR : fails === undefined ? 0 : FAILURES[fails];
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    // A response, authoritative, recursion asked for and given.
    header.writeUInt16BE(0x8580 | code, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(answers.length, 6);
    const question = query.subarray(12, end + 4);
    const body = answers.map((data) => {
      // A pointer to the question's name, the type, class IN, 60 s, the length.
      const head = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, data.length >> 8, data.length & 0xff]);
      return Buffer.concat([head, data]);
    });
    socket.send(Buffer.concat([header, question, ...body]), from.port, from.address);
  });
  socket.bind(port, address);
  await once(socket, "listening");
  return {
    address: `${address}:${socket.address().port}`,
    asked,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

function answersOf({ a = [], aaaa = [], srv: services = [], txt: texts = [] }: Records, type: string): Buffer[] {
  switch (type) {
    case "A":
      return a.map(addressBytes);
    case "AAAA":
      return aaaa.map(addressBytes);
    case "SRV":
      return services.map(srv);
    case "TXT":
      return texts.map(txt);
    default:
      return [];
  }
}

function readName(bytes: Buffer, start: number): { name: string; end: number } {
  const labels: string[] = [];
  let at = start;
  for (let length = bytes[at]!; length > 0; length = bytes[at]!) {
    labels.push(bytes.toString("ascii", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join("."), end: at + 1 };
}

function srv({ name, port }: { name: string; port: number }): Buffer {
  const labels = name.split(".").map((label) => Buffer.from([label.length, ...Buffer.from(label)]));
  // Priority and weight 0.
  return Buffer.concat([Buffer.from([0, 0, 0, 0, port >> 8, port & 0xff]), ...labels, Buffer.alloc(1)]);
}

function txt(text: string): Buffer {
  return Buffer.from([text.length, ...Buffer.from(text)]);
}
