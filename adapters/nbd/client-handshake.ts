import type { Socket } from "node:net";
import { failure, optionFailure, violation } from "./client-failures.ts";
import { Inlet, whenSocket, wrapInTls } from "./client-socket.ts";
import {
  FIXED_NEWSTYLE,
  GREETING_MAGIC,
  INFO,
  MAX_PAYLOAD,
  NO_ZEROES,
  OPTION,
  OPTION_MAGIC,
  OPTION_REPLY,
  OPTION_REPLY_MAGIC,
} from "./protocol.ts";
import type { NbdTlsOptions } from "./source-options.ts";
import type { NbdUri } from "./uri.ts";

/** What a request must keep to, in bytes. */
export interface BlockSize {
  /** A power of two: offsets and lengths are multiples of it. */
  readonly minimum: number;
  /** The longest payload. */
  readonly maximum: number;
}

/** What the two sides agreed upon. */
export interface Agreement {
  /** Of the export, in bytes. */
  readonly size: number;
  /** `TRANSMISSION_FLAG`s. */
  readonly flags: number;
  readonly blockSize: BlockSize;
  /** Whether replies come in parts. */
  readonly isStructured: boolean;
  /** The number of `base:allocation`; undefined where the server does not know it. */
  readonly allocation: number | undefined;
}

/** The client's part of the handshake, up to where requests can be sent. */
export class Handshake {
  readonly #uri: NbdUri;
  readonly #tls: NbdTlsOptions;
  #socket: Socket;
  #inlet: Inlet;

  /** @param socket connected. */
  constructor(socket: Socket, uri: NbdUri, tls: NbdTlsOptions) {
    this.#socket = socket;
    this.#inlet = new Inlet(socket);
    this.#uri = uri;
    this.#tls = tls;
  }

  /** That in use now: after TLS was begun it is another one, which owns the first. */
  get socket(): Socket {
    return this.#socket;
  }

  /** Destroying the socket ends it. Afterwards the socket is paused. */
  async run(): Promise<Agreement> {
    const agreement = await this.#agree();
    this.#inlet.release();
    return agreement;
  }

  async #agree(): Promise<Agreement> {
    const { name, tls } = this.#uri;
    const greeting = await this.#inlet.take(18);
    const isNbd = greeting.readBigUInt64BE(0) === GREETING_MAGIC;
    if (!isNbd || greeting.readBigUInt64BE(8) !== OPTION_MAGIC) {
      const what = isNbd ? "speaks the old NBD protocol, which has no names" : "is no NBD server";
      throw failure("SOURCE_FAILED", name, what);
    }
    const serverFlags = greeting.readUInt16BE(16);
    const flags = serverFlags & (FIXED_NEWSTYLE | NO_ZEROES);
    this.#socket.write(uint32(flags));
    const hasZeroes = (flags & NO_ZEROES) === 0;
    const isFixed = (flags & FIXED_NEWSTYLE) !== 0;
    if (tls) {
      if (!isFixed) throw failure("SOURCE_FAILED", name, "cannot be read over TLS");
      await this.#startTls();
    }
    // Of other options an old server knows nothing, and would hang up.
    if (!isFixed) return this.#exportName(hasZeroes, false, undefined);

    const isStructured = (await this.#ask(OPTION.structuredReply)) === OPTION_REPLY.ack;
    const allocation = isStructured ? await this.#allocation() : undefined;
    const agreed = await this.#go(isStructured, allocation);
    return agreed ?? (await this.#exportName(hasZeroes, isStructured, allocation));
  }

  async #startTls(): Promise<void> {
    const { name } = this.#uri;
    const answer = await this.#ask(OPTION.startTls);
    if (answer !== OPTION_REPLY.ack) {
      throw failure("SOURCE_FAILED", name, "is not served over TLS: write nbd for plain text");
    }
    this.#inlet.release();
    // Whatever came in the clear after the answer was put there by somebody else.
    if (this.#socket.readableLength > 0) throw violation(name, "it spoke before TLS had begun");
    try {
      const secure = wrapInTls(this.#socket, this.#uri, this.#tls);
      this.#socket = secure;
      await whenSocket(secure, "secureConnect");
      this.#inlet = new Inlet(secure);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const code = error instanceof Error && "code" in error ? String(error.code) : "";
      const message = `has no connection that can be trusted: ${reason}`;
      const retryable = code === "ECONNRESET" || code === "EPIPE";
      throw failure("SOURCE_FAILED", name, message, { cause: error, retryable });
    }
  }

  async #allocation(): Promise<number | undefined> {
    let id: number | undefined;
    const query = Buffer.from("base:allocation");
    const data = Buffer.concat([this.#sizedName(), uint32(1), uint32(query.length), query]);
    const answer = await this.#ask(OPTION.setMetaContext, data, (type, payload) => {
      if (type !== OPTION_REPLY.metaContext || payload.length < 4) return;
      if (payload.subarray(4).equals(query)) id = payload.readUInt32BE(0);
    });
    return answer === OPTION_REPLY.ack ? id : undefined;
  }

  /** Undefined where the server does not know this option. */
  async #go(isStructured: boolean, allocation: number | undefined): Promise<Agreement | undefined> {
    const { name } = this.#uri;
    let found: { size: number; flags: number } | undefined;
    let blockSize: BlockSize = { minimum: 1, maximum: MAX_PAYLOAD };
    const infos = Buffer.from([0, 1, 0, INFO.blockSize]);
    const data = Buffer.concat([this.#sizedName(), infos]);
    const answer = await this.#ask(OPTION.go, data, (type, payload, text) => {
      if (type === OPTION_REPLY.errUnsupported) return;
      if (type >= OPTION_REPLY.errUnsupported) {
        this.#send(OPTION.abort, Buffer.alloc(0)); // the polite way to hang up
        throw optionFailure(name, type, text);
      }
      if (type !== OPTION_REPLY.info || payload.length < 2) return;
      const info = payload.readUInt16BE(0);
      if (info === INFO.export && payload.length === 12) found = this.#exportInfo(payload, 2);
      if (info === INFO.blockSize && payload.length === 14) blockSize = this.#blockSize(payload);
    });
    if (answer === OPTION_REPLY.errUnsupported) return undefined;
    if (found === undefined) throw violation(name, "it does not say how large the export is");
    return { ...found, blockSize, isStructured, allocation };
  }

  /** What there was before `go`. It cannot be refused but by hanging up. */
  async #exportName(
    hasZeroes: boolean,
    isStructured: boolean,
    allocation: number | undefined,
  ): Promise<Agreement> {
    const { exportName } = this.#uri;
    this.#send(OPTION.exportName, Buffer.from(exportName));
    const info = await this.#inlet.take(10 + (hasZeroes ? 124 : 0));
    const blockSize = { minimum: 1, maximum: MAX_PAYLOAD };
    return { ...this.#exportInfo(info, 0), blockSize, isStructured, allocation };
  }

  #exportInfo(bytes: Buffer, at: number): { size: number; flags: number } {
    const size = Number(bytes.readBigUInt64BE(at));
    if (!Number.isSafeInteger(size)) {
      throw failure("SOURCE_FAILED", this.#uri.name, `is larger than can be addressed: ${size}`);
    }
    return { size, flags: bytes.readUInt16BE(at + 8) };
  }

  #blockSize(info: Buffer): BlockSize {
    const minimum = info.readUInt32BE(2);
    const maximum = info.readUInt32BE(10);
    const isPower = minimum > 0 && (minimum & (minimum - 1)) === 0;
    if (!isPower || minimum > 65_536 || maximum < minimum) {
      throw violation(this.#uri.name, `block sizes from ${minimum} to ${maximum}`);
    }
    return { minimum, maximum };
  }

  /** The export's name with its length before it. */
  #sizedName(): Buffer {
    const name = Buffer.from(this.#uri.exportName);
    return Buffer.concat([uint32(name.length), name]);
  }

  /**
   * Sends an option and hands on every answer to it.
   *
   * @returns the type of the last.
   */
  async #ask(
    option: number,
    data: Buffer = Buffer.alloc(0),
    onReply: (type: number, payload: Buffer, text: string) => void = () => {},
  ): Promise<number> {
    const { name } = this.#uri;
    this.#send(option, data);
    while (true) {
      const head = await this.#inlet.take(20);
      if (head.readBigUInt64BE(0) !== OPTION_REPLY_MAGIC) {
        throw violation(name, "an answer to an option that does not begin like one");
      }
      const [asked, type, length] = [8, 12, 16].map((at) => head.readUInt32BE(at));
      if (asked !== option || type === undefined || length === undefined) {
        throw violation(name, `an answer to option ${asked} where ${option} was asked`);
      }
      if (length > MAX_REPLY) throw violation(name, `an answer of ${length} bytes to an option`);
      const payload = await this.#inlet.take(length);
      const isError = type >= OPTION_REPLY.errUnsupported;
      onReply(type, payload, isError ? payload.toString() : "");
      if (isError || type === OPTION_REPLY.ack) return type;
    }
  }

  #send(option: number, data: Buffer): void {
    const head = Buffer.alloc(16);
    head.writeBigUInt64BE(OPTION_MAGIC, 0);
    head.writeUInt32BE(option, 8);
    head.writeUInt32BE(data.length, 12);
    this.#socket.write(Buffer.concat([head, data]));
  }
}

/** The longest answer to an option that makes sense: two strings and some numbers. */
const MAX_REPLY = 16_384;

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value, 0);
  return bytes;
}
