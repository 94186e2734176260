import type { Duplex } from "node:stream";
import type { BufferPool } from "./buffers.ts";
import {
  REPLY_DONE,
  REPLY_TYPE,
  SIMPLE_REPLY_MAGIC,
  SIMPLE_REPLY_SIZE,
  STRUCTURED_REPLY_MAGIC,
  STRUCTURED_REPLY_SIZE,
} from "./protocol.ts";

/** Small replies are gathered in pages of this size, and each page is one write to the socket. */
const PAGE_SIZE: number = 4 * 2 ** 16;

/** Of an error message, in bytes. */
const MESSAGE_LIMIT = 1024;

/** What names a request in its reply: the 8 bytes that its client chose, as two numbers. */
export interface Cookie {
  readonly high: number;
  readonly low: number;
}

/**
 * Writes the replies of one connection. A reply is put together in memory that the socket is then
 * given; that memory is used again only when the socket has taken it.
 */
export class ReplyWriter {
  /** Whether replies are structured, as the client chose. */
  readonly structured: boolean;
  /** How many bytes stand before the data of a read. */
  readonly dataStart: number;
  readonly #socket: Duplex;
  readonly #buffers: BufferPool;
  #page: Buffer | undefined;
  #used = 0;

  constructor(socket: Duplex, buffers: BufferPool, structured: boolean) {
    this.#socket = socket;
    this.#buffers = buffers;
    this.structured = structured;
    this.dataStart = structured ? STRUCTURED_REPLY_SIZE + 8 : SIMPLE_REPLY_SIZE;
  }

  /** Bytes that the client has not taken yet. */
  get unsentBytes(): number {
    return this.#socket.writableLength + this.#used;
  }

  /** Where the data of a small read goes, to be followed by `data` at once, or by nothing. */
  room(length: number): Uint8Array {
    const page = this.#roomFor(this.dataStart + length);
    const start = this.#used + this.dataStart;
    return page.subarray(start, start + length);
  }

  /** Sends `length` bytes that were put into `room(length)`. */
  data(cookie: Cookie, offset: number, length: number): void {
    const page = this.#roomFor(this.dataStart + length);
    this.#writeDataHeader(page, this.#used, cookie, offset, length);
    this.#used += this.dataStart + length;
  }

  /** Memory for a large read: the data goes to `dataStart`. Ends in `largeData` or `giveBack`. */
  largeRoom(length: number): Buffer {
    return this.#buffers.take(this.dataStart + length);
  }

  largeData(cookie: Cookie, offset: number, length: number, buffer: Buffer): void {
    this.flush(); // what was answered first comes first
    this.#writeDataHeader(buffer, 0, cookie, offset, length);
    this.#send(buffer, this.dataStart + length);
  }

  giveBack(buffer: Buffer): void {
    this.#buffers.giveBack(buffer);
  }

  done(cookie: Cookie): void {
    this.#simple(cookie, 0);
  }

  /** @param error one of `NBD_ERROR`. */
  error(cookie: Cookie, error: number, message: string): void {
    if (!this.structured) {
      this.#simple(cookie, error);
      return;
    }
    const text = Buffer.from(message).subarray(0, MESSAGE_LIMIT);
    const page = this.#structured(cookie, REPLY_TYPE.error, 6 + text.length);
    page.writeUInt32BE(error, this.#used);
    page.writeUInt16BE(text.length, this.#used + 4);
    page.set(text, this.#used + 6);
    this.#used += 6 + text.length;
  }

  /** One of several parts of a structured reply, where `isLast` is false, or its last one. */
  part(cookie: Cookie, type: number, contents: Uint8Array, isLast: boolean): void {
    const page = this.#structured(cookie, type, contents.length, isLast ? REPLY_DONE : 0);
    page.set(contents, this.#used);
    this.#used += contents.length;
  }

  /** Gives the socket everything that was answered. */
  flush(): void {
    const page = this.#page;
    if (page === undefined || this.#used === 0) return;
    const length = this.#used;
    this.#page = undefined;
    this.#used = 0;
    this.#send(page, length);
  }

  #send(buffer: Buffer, length: number): void {
    if (this.#socket.destroyed) {
      this.#buffers.giveBack(buffer);
      return;
    }
    this.#socket.write(buffer.subarray(0, length), (error) => {
      // After a failure nobody knows whether the system still reads from it.
      if (!error) this.#buffers.giveBack(buffer);
    });
  }

  #roomFor(length: number): Buffer {
    if (this.#page !== undefined && this.#used + length > this.#page.length) this.flush();
    this.#page ??= this.#buffers.take(Math.max(PAGE_SIZE, length));
    return this.#page;
  }

  #simple({ high, low }: Cookie, error: number): void {
    const page = this.#roomFor(SIMPLE_REPLY_SIZE);
    const at = this.#used;
    page.writeUInt32BE(SIMPLE_REPLY_MAGIC, at);
    page.writeUInt32BE(error, at + 4);
    page.writeUInt32BE(high, at + 8);
    page.writeUInt32BE(low, at + 12);
    this.#used += SIMPLE_REPLY_SIZE;
  }

  /** Writes the header of a structured reply, and returns the page with room for its contents. */
  #structured(cookie: Cookie, type: number, length: number, flags: number = REPLY_DONE): Buffer {
    const page = this.#roomFor(STRUCTURED_REPLY_SIZE + length);
    writeStructuredHeader(page, this.#used, cookie, type, length, flags);
    this.#used += STRUCTURED_REPLY_SIZE;
    return page;
  }

  #writeDataHeader(
    buffer: Buffer,
    at: number,
    cookie: Cookie,
    offset: number,
    length: number,
  ): void {
    if (!this.structured) {
      buffer.writeUInt32BE(SIMPLE_REPLY_MAGIC, at);
      buffer.writeUInt32BE(0, at + 4);
      buffer.writeUInt32BE(cookie.high, at + 8);
      buffer.writeUInt32BE(cookie.low, at + 12);
      return;
    }
    writeStructuredHeader(buffer, at, cookie, REPLY_TYPE.offsetData, 8 + length, REPLY_DONE);
    buffer.writeUInt32BE(Math.floor(offset / 2 ** 32), at + STRUCTURED_REPLY_SIZE);
    buffer.writeUInt32BE(offset % 2 ** 32, at + STRUCTURED_REPLY_SIZE + 4);
  }
}

function writeStructuredHeader(
  buffer: Buffer,
  at: number,
  { high, low }: Cookie,
  type: number,
  length: number,
  flags: number,
): void {
  buffer.writeUInt32BE(STRUCTURED_REPLY_MAGIC, at);
  buffer.writeUInt16BE(flags, at + 4);
  buffer.writeUInt16BE(type, at + 6);
  buffer.writeUInt32BE(high, at + 8);
  buffer.writeUInt32BE(low, at + 12);
  buffer.writeUInt32BE(length, at + 16);
}
