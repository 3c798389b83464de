/** A DNS server on loopback that knows SRV and TXT records of a few names (RFC 1035, RFC 2782). */
import { createSocket } from "node:dgram";
import { once } from "node:events";

export type Records = {
  srv?: readonly { name: string; port: number }[];
  /** Each a record of its own. */
  txt?: readonly string[];
};

export type DnsServer = { readonly address: string; readonly asked: readonly string[]; close(): Promise<void> };

const TXT = 16;
const SRV = 33;
const NAME_ERROR = 3;

/** `silent`: takes every question and answers none. */
export async function startDns(zone: Readonly<Record<string, Records>>, silent = false): Promise<DnsServer> {
  const socket = createSocket("udp4");
  const asked: string[] = [];
  socket.on("message", (query, from) => {
    const { name, end } = readName(query, 12);
    const type = query.readUInt16BE(end);
    asked.push(`${type === SRV ? "SRV" : "TXT"} ${name}`);
    if (silent) return;
    const records = zone[name.toLowerCase()];
    const answers =
      records === undefined
        ? []
        : type === SRV
          ? (records.srv ?? []).map(srv)
          : type === TXT
            ? (records.txt ?? []).map(txt)
            : [];
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    // A response, authoritative, recursion asked for and given.
    header.writeUInt16BE(0x8580 | (records === undefined ? NAME_ERROR : 0), 2);
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
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
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
