import type { Duplex } from "node:stream";
import { OPTION_REPLY, OPTION_REPLY_MAGIC } from "./protocol.ts";

/** Writes the replies to the options of a handshake. */
export class OptionReplies {
  /** Which option is being answered. */
  option = 0;
  readonly #socket: Duplex;

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  /** @param type one of `OPTION_REPLY`. */
  send(type: number, contents: Uint8Array = new Uint8Array()): void {
    const header = Buffer.alloc(20);
    header.writeBigUInt64BE(OPTION_REPLY_MAGIC, 0);
    header.writeUInt32BE(this.option, 8);
    header.writeUInt32BE(type, 12);
    header.writeUInt32BE(contents.length, 16);
    this.#socket.write(Buffer.concat([header, contents]));
  }

  /** @param type one of the errors of `OPTION_REPLY`. */
  refuse(type: number, message: string): void {
    this.send(type, Buffer.from(message));
  }

  /** @param kind one of `INFO`. */
  inform(kind: number, contents: Uint8Array): void {
    const number = Buffer.alloc(2);
    number.writeUInt16BE(kind);
    this.send(OPTION_REPLY.info, Buffer.concat([number, contents]));
  }
}
