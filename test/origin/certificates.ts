import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";

/** In PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/**
 * A certificate authority that lives as long as a test, so that no key lies in the repository and
 * no certificate runs out. What it issues is good for 127.0.0.1 and for clients.
 */
export class Authority {
  /** Its own certificate, in PEM. */
  readonly ca: string;
  readonly #name: string;
  readonly #key: KeyObject;
  #serial = 1;

  constructor(name: string) {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.#name = name;
    this.#key = privateKey;
    const isAuthority = extension(BASIC_CONSTRAINTS, sequence(TRUE), TRUE);
    this.ca = this.#certify(name, publicKey, isAuthority);
  }

  issue(name: string): Certificate {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const address = sequence(der(0x87, Buffer.from([127, 0, 0, 1])));
    return {
      cert: this.#certify(name, publicKey, extension(SUBJECT_ALT_NAME, address)),
      key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    };
  }

  /** RFC 5280 section 4.1. */
  #certify(subject: string, key: KeyObject, extensions: Buffer): string {
    this.#serial += 1;
    const contents = sequence(
      der(0xa0, der(0x02, Buffer.from([2]))), // version 3
      der(0x02, Buffer.from([this.#serial])),
      ECDSA_WITH_SHA256,
      commonName(this.#name),
      sequence(utcTime(-DAY_MS), utcTime(365 * DAY_MS)),
      commonName(subject),
      key.export({ type: "spki", format: "der" }),
      der(0xa3, sequence(extensions)),
    );
    const signature = Buffer.concat([Buffer.from([0]), sign("sha256", contents, this.#key)]);
    const certificate = sequence(contents, ECDSA_WITH_SHA256, der(0x03, signature));
    const lines = certificate.toString("base64").match(/.{1,64}/g) ?? [];
    return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
  }
}

const DAY_MS: number = 24 * 3600 * 1000;
const TRUE: Buffer = Buffer.from("0101ff", "hex");
const ECDSA_WITH_SHA256: Buffer = sequence(Buffer.from("06082a8648ce3d040302", "hex"));
const COMMON_NAME: Buffer = Buffer.from("0603550403", "hex");
const BASIC_CONSTRAINTS: Buffer = Buffer.from("0603551d13", "hex");
const SUBJECT_ALT_NAME: Buffer = Buffer.from("0603551d11", "hex");

function der(tag: number, contents: Buffer): Buffer {
  const { length } = contents;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), contents]);
  return Buffer.concat([Buffer.from([tag, 0x82, length >> 8, length & 0xff]), contents]);
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function commonName(name: string): Buffer {
  return sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from(name)))));
}

function utcTime(fromNowMs: number): Buffer {
  const digits = new Date(Date.now() + fromNowMs).toISOString().replace(/[-:T]|\.\d+/g, "");
  return der(0x17, Buffer.from(digits.slice(2)));
}

function extension(name: Buffer, value: Buffer, critical: Buffer = Buffer.alloc(0)): Buffer {
  return sequence(name, critical, der(0x04, value));
}
