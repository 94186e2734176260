import { type Request, WrongAnswer } from "./client-request.ts";
import {
  MAX_PAYLOAD,
  REPLY_DONE,
  REPLY_TYPE,
  SIMPLE_REPLY_MAGIC,
  SIMPLE_REPLY_SIZE,
  STRUCTURED_REPLY_MAGIC,
  STRUCTURED_REPLY_SIZE,
} from "./protocol.ts";

/** A request that is under way. */
export interface Asked {
  readonly request: Request;
  /** As it was sent. */
  readonly offset: number;
  readonly length: number;
}

export interface RepliesOptions {
  readonly isStructured: boolean;
  /** The request with this cookie, if there is one under way. */
  find(cookie: number): Asked | undefined;
  /** The answer to a request is complete. */
  done(cookie: number): void;
  /** The server answered with an error. */
  refused(asked: Asked, number: number, text: string): void;
}

/** Data that is on its way. */
interface Body {
  readonly cookie: number;
  readonly asked: Asked;
  readonly final: boolean;
  offset: number;
  /** Bytes still to come. */
  rest: number;
}

/** Error replies and their like are short; a block status may be long. */
const MAX_TEXT = 65_536;

/**
 * Takes what a connection receives apart, and hands it to the requests that it answers. Data is
 * handed on as it arrives, without being copied.
 */
export class Replies {
  readonly #options: RepliesOptions;
  /** The beginning of a reply, up to its data. */
  #head: Buffer[] = [];
  #headLength = 0;
  #headSize = 4;
  #body: Body | undefined;

  constructor(options: RepliesOptions) {
    this.#options = options;
  }

  /** @throws {WrongAnswer} when the server sends what makes no sense: nothing after it does. */
  push(bytes: Buffer): void {
    let rest = bytes;
    while (rest.length > 0) {
      rest = this.#body === undefined ? this.#collect(rest) : this.#feed(this.#body, rest);
    }
  }

  #feed(body: Body, bytes: Buffer): Buffer {
    const piece = bytes.subarray(0, body.rest);
    const { offset } = body;
    body.offset += piece.length;
    body.rest -= piece.length;
    body.asked.request.data(offset, piece, body.final);
    if (body.rest === 0) {
      this.#body = undefined;
      if (body.final) this.#done(body.cookie, body.asked);
    }
    return bytes.subarray(piece.length);
  }

  #collect(bytes: Buffer): Buffer {
    const piece = bytes.subarray(0, this.#headSize - this.#headLength);
    this.#head.push(piece);
    this.#headLength += piece.length;
    if (this.#headLength === this.#headSize) {
      const head = this.#head.length === 1 ? piece : Buffer.concat(this.#head);
      const size = headSizeOf(head);
      if (size > head.length) {
        this.#head = [head];
        this.#headSize = size;
      } else {
        this.#head = [];
        this.#headLength = 0;
        this.#headSize = 4;
        this.#begin(head);
      }
    }
    return bytes.subarray(piece.length);
  }

  #begin(head: Buffer): void {
    if (head.readUInt32BE(0) === SIMPLE_REPLY_MAGIC) this.#beginSimple(head);
    else this.#beginPart(head);
  }

  #beginSimple(head: Buffer): void {
    const number = head.readUInt32BE(4);
    const cookie = Number(head.readBigUInt64BE(8));
    const asked = this.#find(cookie);
    if (number !== 0) {
      this.#options.refused(asked, number, "");
      this.#done(cookie, asked);
      return;
    }
    if (this.#options.isStructured) throw new WrongAnswer("a simple reply with data");
    const { offset, length } = asked;
    this.#body = { cookie, asked, final: true, offset, rest: length };
  }

  #beginPart(head: Buffer): void {
    if (!this.#options.isStructured) throw new WrongAnswer("a structured reply, never agreed upon");
    const final = (head.readUInt16BE(4) & REPLY_DONE) !== 0;
    const type = head.readUInt16BE(6);
    const cookie = Number(head.readBigUInt64BE(8));
    const length = head.readUInt32BE(16);
    const payload = head.subarray(STRUCTURED_REPLY_SIZE);
    const asked = this.#find(cookie);
    if (type === REPLY_TYPE.offsetData) {
      const offset = Number(payload.readBigUInt64BE(0));
      this.#body = { cookie, asked, final, offset, rest: length - 8 };
      return;
    }
    if (type === REPLY_TYPE.offsetHole) {
      if (length !== 12) throw new WrongAnswer(`a hole told in ${length} bytes`);
      asked.request.hole(Number(payload.readBigUInt64BE(0)), payload.readUInt32BE(8));
    } else if (type === REPLY_TYPE.blockStatus) {
      asked.request.status(payload);
    } else if (type >= FIRST_ERROR) {
      this.#refused(asked, payload);
    } else if (type !== REPLY_TYPE.none) {
      throw new WrongAnswer(`a reply of type ${type}`);
    }
    if (final) this.#done(cookie, asked);
  }

  #refused(asked: Asked, payload: Buffer): void {
    if (payload.length < 6) throw new WrongAnswer(`an error told in ${payload.length} bytes`);
    const text = payload.subarray(6, 6 + payload.readUInt16BE(4)).toString();
    this.#options.refused(asked, payload.readUInt32BE(0), text);
  }

  #find(cookie: number): Asked {
    const asked = this.#options.find(cookie);
    if (asked === undefined) throw new WrongAnswer(`an answer to ${cookie}, which was not asked`);
    return asked;
  }

  #done(cookie: number, { request }: Asked): void {
    request.end(); // if it throws, the request is still known, and fails with the connection
    this.#options.done(cookie);
  }
}

/** From here on a type of reply is an error, known or not. */
const FIRST_ERROR = 0x8000;

/** How much of a reply has to be here before its data begins, as far as `head` tells. */
function headSizeOf(head: Buffer): number {
  const magic = head.readUInt32BE(0);
  if (magic === SIMPLE_REPLY_MAGIC) return SIMPLE_REPLY_SIZE;
  if (magic !== STRUCTURED_REPLY_MAGIC) {
    throw new WrongAnswer(`a reply that begins with 0x${magic.toString(16)}`);
  }
  if (head.length < STRUCTURED_REPLY_SIZE) return STRUCTURED_REPLY_SIZE;
  const type = head.readUInt16BE(6);
  const length = head.readUInt32BE(16);
  if (type === REPLY_TYPE.offsetData) {
    if (length <= 8) throw new WrongAnswer("data without a byte");
    return STRUCTURED_REPLY_SIZE + 8;
  }
  const limit = type === REPLY_TYPE.blockStatus ? MAX_PAYLOAD : MAX_TEXT;
  if (length > limit) throw new WrongAnswer(`a reply of type ${type} and ${length} bytes`);
  return STRUCTURED_REPLY_SIZE + length;
}
