/**
 * Certificates for servers on this machine, for tests and the demo: a CA of our own, and server certificates signed by it.
 *
 * Node can read X.509 but not issue it, openssl is not on every machine, and the maintained packages bring a dozen others.
 * What is needed is one kind of certificate (RFC 5280, ECDSA P-256), so its DER is written here.
 */
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { isIP } from "node:net";
import { addressBytes } from "#verify/network/addresses";

export type Certificate = { certPem: string; keyPem: string };

export type IssueOptions = {
  /** DNS names and IP addresses, literals without brackets. A client that dials none of them refuses the certificate. */
  hosts: readonly string[];
  /** Default: an hour ago. */
  notBefore?: Date;
  /** Default: in a week. */
  notAfter?: Date;
};

export type CertificateAuthority = {
  /** What a client must trust. */
  readonly caPem: string;
  issue(options: IssueOptions): Certificate;
};

const HOUR_MS = 3_600_000;
const WEEK_MS = 7 * 24 * HOUR_MS;

/**
 * A new CA, whose key never leaves memory.
 *
 * @example
 * const ca = createCertificateAuthority();
 * const { certPem, keyPem } = ca.issue({ hosts: ["localhost", "127.0.0.1"] });
 * createServer({ cert: certPem, key: keyPem }, (_request, response) => response.end("hello")).listen(0, "127.0.0.1");
 */
export function createCertificateAuthority(): CertificateAuthority {
  const ca = newKey();
  const name = commonName(`appsecret test CA ${randomBytes(4).toString("hex")}`);
  const keyId = createHash("sha1").update(ca.spki).digest();
  const now = Date.now();
  const caDer = certificate({
    ...{ issuer: name, subject: name, spki: ca.spki, signer: ca.privateKey },
    ...{ notBefore: new Date(now - HOUR_MS), notAfter: new Date(now + WEEK_MS) },
    extensions: [
      extension("2.5.29.19", true, sequence(tlv(BOOLEAN, Buffer.from([0xff])))), // basicConstraints: a CA
      extension("2.5.29.15", true, bitString(Buffer.from([0x06]), 1)), // keyUsage: keyCertSign, cRLSign
      extension("2.5.29.14", false, tlv(OCTET_STRING, keyId)), // subjectKeyIdentifier
    ],
  });

  return {
    caPem: pem("CERTIFICATE", caDer),
    issue({ hosts, notBefore = new Date(now - HOUR_MS), notAfter = new Date(now + WEEK_MS) }) {
      const own = newKey();
      const der = certificate({
        ...{ issuer: name, subject: commonName(hosts[0] ?? "nobody"), spki: own.spki, signer: ca.privateKey },
        ...{ notBefore, notAfter },
        extensions: [
          extension("2.5.29.17", false, sequence(...hosts.map(generalName))), // subjectAltName
          extension("2.5.29.15", true, bitString(Buffer.from([0x80]), 7)), // keyUsage: digitalSignature
          extension("2.5.29.37", false, sequence(objectId("1.3.6.1.5.5.7.3.1"))), // extKeyUsage: serverAuth
          extension("2.5.29.35", false, sequence(tlv(0x80, keyId))), // authorityKeyIdentifier
        ],
      });
      return {
        certPem: pem("CERTIFICATE", der),
        keyPem: own.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      };
    },
  };
}

type Key = { privateKey: KeyObject; spki: Buffer };

function newKey(): Key {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { privateKey, spki: publicKey.export({ type: "spki", format: "der" }) };
}

type Content = {
  issuer: Buffer;
  subject: Buffer;
  spki: Buffer;
  signer: KeyObject;
  notBefore: Date;
  notAfter: Date;
  extensions: Buffer[];
};

/** RFC 5280 §4.1. */
function certificate({ issuer, subject, spki, signer, notBefore, notAfter, extensions }: Content): Buffer {
  const ecdsaWithSha256 = sequence(objectId("1.2.840.10045.4.3.2"));
  const serial = Buffer.concat([Buffer.from([0x40]), randomBytes(15)]); // positive, and without a leading zero
  const toBeSigned = sequence(
    tlv(0xa0, tlv(INTEGER, Buffer.from([2]))), // version 3
    tlv(INTEGER, serial),
    ecdsaWithSha256,
    issuer,
    sequence(time(notBefore), time(notAfter)),
    subject,
    spki,
    tlv(0xa3, sequence(...extensions)),
  );
  return sequence(toBeSigned, ecdsaWithSha256, bitString(sign("sha256", toBeSigned, signer), 0));
}

const BOOLEAN = 0x01;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_ID = 0x06;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const SEQUENCE = 0x30;
const SET = 0x31;

/** DER: tag, length, content. */
function tlv(tag: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const length = Buffer.from(body.length.toString(16).padStart(4, "0"), "hex");
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, body]);
}

function sequence(...content: Buffer[]): Buffer {
  return tlv(SEQUENCE, ...content);
}

function bitString(bits: Buffer, unused: number): Buffer {
  return tlv(BIT_STRING, Buffer.from([unused]), bits);
}

function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return tlv(OBJECT_ID, Buffer.from(bytes));
}

/** UTCTime, which RFC 5280 asks for until 2049. */
function time(date: Date): Buffer {
  const digits = date.toISOString().replaceAll(/[-:T]|\.\d+/g, "");
  return tlv(UTC_TIME, Buffer.from(digits.slice(2)));
}

function commonName(name: string): Buffer {
  return sequence(tlv(SET, sequence(objectId("2.5.4.3"), tlv(UTF8_STRING, Buffer.from(name)))));
}

function generalName(host: string): Buffer {
  return isIP(host) === 0 ? tlv(0x82, Buffer.from(host)) : tlv(0x87, addressBytes(host));
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  const flag = critical ? [tlv(BOOLEAN, Buffer.from([0xff]))] : [];
  return sequence(objectId(id), ...flag, tlv(OCTET_STRING, value));
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
