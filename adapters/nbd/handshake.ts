import type { Duplex } from "node:stream";
import { CONTEXTS, type Context, findContexts } from "./contexts.ts";
import type { Export, ExportTable } from "./export-table.ts";
import type { NbdLimits } from "./limits.ts";
import { OptionReplies } from "./option-replies.ts";
import {
  FIXED_NEWSTYLE,
  GREETING_MAGIC,
  INFO,
  NO_ZEROES,
  OPTION,
  OPTION_MAGIC,
  OPTION_REPLY,
  TRANSMISSION_FLAG,
} from "./protocol.ts";
import { type ExportQuestion, parseContextQuestion, parseExportQuestion } from "./questions.ts";
import { SocketReader } from "./socket-reader.ts";
import type { Agreement } from "./transmission.ts";

/** What a server brings to a handshake. */
export interface Offer {
  readonly exports: ExportTable;
  readonly limits: Required<NbdLimits>;
  /** Whether TLS can be had, or must be. */
  readonly tls: "none" | "possible" | "required";
  /** Encrypts the connection: what is sent from then on goes through the socket that it gives. */
  secure(): Promise<Duplex>;
}

/** The sizes of an export's name and flags are followed by so many zeros for old clients. */
const PADDING = 124;
/** What is no multiple of this costs a client more. */
const PREFERRED_BLOCK = 4096;

/**
 * The talk about which export is meant and how: fixed newstyle, from the greeting on. Undefined
 * when the client left, or said what ends the connection.
 *
 * @param signal aborted when the socket is closed, or the client took too long.
 * @throws the signal's reason, or the failure of the socket.
 */
export async function shakeHands(
  socket: Duplex,
  offer: Offer,
  signal: AbortSignal,
): Promise<Agreement | undefined> {
  const greeting = Buffer.alloc(18);
  greeting.writeBigUInt64BE(GREETING_MAGIC, 0);
  greeting.writeBigUInt64BE(OPTION_MAGIC, 8);
  greeting.writeUInt16BE(FIXED_NEWSTYLE | NO_ZEROES, 16);
  socket.write(greeting);
  const handshake = new Handshake(socket, offer, signal);
  try {
    return await handshake.run();
  } finally {
    handshake.release();
  }
}

/** What an option led to, beside its reply. */
type Step = "next" | "leave" | Agreement;

class Handshake {
  readonly #offer: Offer;
  readonly #signal: AbortSignal;
  #socket: Duplex;
  #reader: SocketReader;
  #replies: OptionReplies;
  #isSecure = false;
  #wantsZeroes = true;
  #structured = false;
  /** Chosen for the export of that name. */
  #contexts: readonly Context[] = [];
  #contextsOf = "";

  constructor(socket: Duplex, offer: Offer, signal: AbortSignal) {
    this.#offer = offer;
    this.#signal = signal;
    this.#socket = socket;
    this.#reader = new SocketReader(socket, signal);
    this.#replies = new OptionReplies(socket);
  }

  async run(): Promise<Agreement | undefined> {
    const flags = (await this.#reader.take(4)).readUInt32BE(0);
    if ((flags & ~(FIXED_NEWSTYLE | NO_ZEROES)) !== 0) return undefined;
    this.#wantsZeroes = (flags & NO_ZEROES) === 0;
    const { maxOptions, maxOptionLength, unsentBytes } = this.#offer.limits;
    for (let count = 0; count < maxOptions; count += 1) {
      const header = await this.#reader.take(16);
      if (header.readBigUInt64BE(0) !== OPTION_MAGIC) return undefined;
      const length = header.readUInt32BE(12);
      if (length > maxOptionLength) return undefined;
      const data = await this.#reader.take(length);
      const step = await this.#answer(header.readUInt32BE(8), data);
      if (step === "leave") return undefined;
      if (step !== "next") return step;
      if (this.#socket.writableLength > unsentBytes) return undefined;
    }
    return undefined;
  }

  /** Leaves the socket to what follows. */
  release(): void {
    this.#reader.release();
  }

  async #answer(option: number, data: Buffer): Promise<Step> {
    const replies = this.#replies;
    replies.option = option;
    if (option === OPTION.abort) {
      replies.send(OPTION_REPLY.ack);
      return "leave";
    }
    if (option === OPTION.startTls) return await this.#startTls(data);
    if (this.#offer.tls === "required" && !this.#isSecure) {
      if (option === OPTION.exportName) return "leave"; // it knows no error reply
      replies.refuse(OPTION_REPLY.errTlsRequired, "this server wants TLS first");
      return "next";
    }
    switch (option) {
      case OPTION.exportName:
        return this.#exportName(data);
      case OPTION.list:
        return this.#list(data);
      case OPTION.info:
      case OPTION.go:
        return this.#infoOrGo(option, data);
      case OPTION.structuredReply:
        return this.#structuredReply(data);
      case OPTION.listMetaContext:
      case OPTION.setMetaContext:
        return this.#metaContext(option === OPTION.listMetaContext, data);
      default:
        replies.refuse(OPTION_REPLY.errUnsupported, "this server does not know that option");
        return "next";
    }
  }

  async #startTls(data: Buffer): Promise<Step> {
    if (this.#offer.tls === "none") {
      this.#replies.refuse(OPTION_REPLY.errPolicy, "this server has no TLS");
      return "next";
    }
    if (this.#isSecure || data.length > 0) {
      this.#replies.refuse(OPTION_REPLY.errInvalid, "TLS is begun once, and without data");
      return "next";
    }
    // What came in plain text after this option must not count as said in secret.
    if (this.#reader.hasMore) return "leave";
    this.#replies.send(OPTION_REPLY.ack);
    this.#reader.release();
    this.#socket = await this.#offer.secure();
    this.#reader = new SocketReader(this.#socket, this.#signal);
    this.#replies = new OptionReplies(this.#socket);
    this.#isSecure = true;
    this.#structured = false;
    this.#contexts = [];
    return "next";
  }

  #exportName(data: Buffer): Step {
    const found = this.#offer.exports.find(data.toString());
    if (found === undefined) return "leave";
    const reply = Buffer.alloc(10 + (this.#wantsZeroes ? PADDING : 0));
    this.#describe(found).copy(reply);
    this.#socket.write(reply);
    return this.#agreement(found, found.name);
  }

  #list(data: Buffer): Step {
    if (data.length > 0) {
      this.#replies.refuse(OPTION_REPLY.errInvalid, "a list has no data");
      return "next";
    }
    for (const { name, description } of this.#offer.exports.list()) {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(Buffer.byteLength(name));
      const contents = Buffer.concat([length, Buffer.from(name), Buffer.from(description)]);
      this.#replies.send(OPTION_REPLY.server, contents);
    }
    this.#replies.send(OPTION_REPLY.ack);
    return "next";
  }

  #infoOrGo(option: number, data: Buffer): Step {
    const question = parseExportQuestion(data);
    if (question === undefined) {
      this.#replies.refuse(OPTION_REPLY.errInvalid, "the lengths do not fit");
      return "next";
    }
    const found = this.#offer.exports.find(question.name);
    if (found === undefined) {
      this.#replies.refuse(OPTION_REPLY.errUnknown, "there is no export of that name");
      return "next";
    }
    this.#inform(found, question);
    this.#replies.send(OPTION_REPLY.ack);
    return option === OPTION.go ? this.#agreement(found, question.name) : "next";
  }

  #inform(found: Export, { wanted }: ExportQuestion): void {
    const blocks = Buffer.alloc(12);
    blocks.writeUInt32BE(1, 0);
    blocks.writeUInt32BE(PREFERRED_BLOCK, 4);
    blocks.writeUInt32BE(this.#offer.limits.maxPayload, 8);
    this.#replies.inform(INFO.export, this.#describe(found));
    this.#replies.inform(INFO.blockSize, blocks);
    if (wanted.includes(INFO.name)) this.#replies.inform(INFO.name, Buffer.from(found.name));
    if (wanted.includes(INFO.description)) {
      this.#replies.inform(INFO.description, Buffer.from(found.description));
    }
  }

  #structuredReply(data: Buffer): Step {
    if (data.length > 0) {
      this.#replies.refuse(OPTION_REPLY.errInvalid, "structured replies are chosen without data");
      return "next";
    }
    this.#structured = true;
    this.#replies.send(OPTION_REPLY.ack);
    return "next";
  }

  #metaContext(isList: boolean, data: Buffer): Step {
    const question = parseContextQuestion(data);
    if (question === undefined || !this.#structured) {
      const why =
        question === undefined ? "the lengths do not fit" : "choose structured replies first";
      this.#replies.refuse(OPTION_REPLY.errInvalid, why);
      return "next";
    }
    if (this.#offer.exports.find(question.name) === undefined) {
      this.#replies.refuse(OPTION_REPLY.errUnknown, "there is no export of that name");
      return "next";
    }
    const { queries } = question;
    const isAll = isList && queries.length === 0;
    const found = new Set(
      isAll ? CONTEXTS : queries.flatMap((query) => findContexts(query, isList)),
    );
    for (const { id, name } of found) {
      const number = Buffer.alloc(4);
      number.writeUInt32BE(isList ? 0 : id);
      this.#replies.send(OPTION_REPLY.metaContext, Buffer.concat([number, Buffer.from(name)]));
    }
    this.#replies.send(OPTION_REPLY.ack);
    if (!isList) {
      this.#contexts = [...found];
      this.#contextsOf = question.name;
    }
    return "next";
  }

  /** The size, and what may be done with the export. */
  #describe({ device, readOnly }: Export): Buffer {
    const flag = TRANSMISSION_FLAG;
    const always = flag.hasFlags | flag.sendFlush | flag.canMultiConn | flag.sendPrefetch;
    const changes = flag.sendFua | flag.sendTrim | flag.sendWriteZeroes | flag.sendFastZero;
    const isWritable = !readOnly && device.mode === "read-write";
    const flags =
      always |
      (isWritable ? changes : flag.readOnly) |
      (this.#structured ? flag.sendDontFragment : 0);
    const reply = Buffer.alloc(10);
    reply.writeBigUInt64BE(BigInt(device.size), 0);
    reply.writeUInt16BE(flags, 8);
    return reply;
  }

  #agreement(found: Export, askedName: string): Agreement {
    const contexts = this.#contextsOf === askedName ? this.#contexts : [];
    return { export: found, structured: this.#structured, contexts };
  }
}
