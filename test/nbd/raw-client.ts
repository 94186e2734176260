import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { NbdAddress } from "../../adapters/nbd/index.ts";
import {
  COMMAND,
  GREETING_MAGIC,
  OPTION,
  OPTION_MAGIC,
  OPTION_REPLY,
  REPLY_DONE,
  REPLY_TYPE,
  REQUEST_MAGIC,
  REQUEST_SIZE,
  SIMPLE_REPLY_MAGIC,
  STRUCTURED_REPLY_MAGIC,
} from "../../adapters/nbd/protocol.ts";
import { SocketReader } from "../../adapters/nbd/socket-reader.ts";

export interface RawRequest {
  readonly type: number;
  readonly flags?: number;
  readonly offset?: number;
  readonly length?: number;
  readonly payload?: Uint8Array;
}

export interface OptionReply {
  readonly type: number;
  readonly contents: Buffer;
}

export interface RawReply {
  readonly cookie: number;
  readonly error: number;
  readonly message: string;
  readonly data: Buffer;
  /** Of block status, for each context its id and then its extents: length, flags. */
  readonly statuses: readonly (readonly number[])[];
}

/** A length in 4 bytes, then the text. */
export function counted(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(text));
  return Buffer.concat([length, Buffer.from(text)]);
}

export function optionBytes(option: number, data: Uint8Array = new Uint8Array()): Buffer {
  const header = Buffer.alloc(16);
  header.writeBigUInt64BE(OPTION_MAGIC, 0);
  header.writeUInt32BE(option, 8);
  header.writeUInt32BE(data.length, 12);
  return Buffer.concat([header, data]);
}

/** What NBD_OPT_GO asks with. */
export function goBytes(name: string, option: number = OPTION.go): Buffer {
  return optionBytes(option, Buffer.concat([counted(name), Buffer.from([0, 0])]));
}

export function requestBytes(request: RawRequest, cookie: number): Buffer {
  const { type, flags = 0, offset = 0, payload = new Uint8Array() } = request;
  const header = Buffer.alloc(REQUEST_SIZE);
  header.writeUInt32BE(REQUEST_MAGIC, 0);
  header.writeUInt16BE(flags, 4);
  header.writeUInt16BE(type, 6);
  header.writeUInt32BE(cookie, 12);
  header.writeBigUInt64BE(BigInt(offset), 16);
  header.writeUInt32BE(request.length ?? payload.length, 24);
  return Buffer.concat([header, payload]);
}

/** An `NbdServer`, or what is known of one in another process. */
export interface Reachable {
  readonly address: NbdAddress;
}

/** An NBD client that sends whatever it is told, right or wrong. */
export class RawClient implements AsyncDisposable {
  readonly socket: Socket;
  /** Aborted when the connection is closed. */
  readonly closed: Promise<void>;
  readonly #reader: SocketReader;
  #cookie = 0;
  #structured = false;

  constructor(socket: Socket) {
    this.socket = socket;
    const ended = new AbortController();
    socket.on("error", () => {}); // a reset is how many a test ends
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        ended.abort(new Error("the server has closed the connection"));
        resolve();
      });
    });
    this.#reader = new SocketReader(socket, ended.signal);
  }

  /** Connects, and reads the greeting. */
  static async connect(server: Reachable): Promise<RawClient> {
    const { unix, host, port } = server.address;
    const socket = unix === undefined ? connect(port ?? 0, host) : connect(unix);
    await once(socket, "connect");
    const client = new RawClient(socket);
    const greeting = await client.take(18);
    if (greeting.readBigUInt64BE(0) !== GREETING_MAGIC) throw new Error("no greeting");
    return client;
  }

  /** Connects and chooses an export. */
  static async open(
    server: Reachable,
    options: { name?: string; structured?: boolean; contexts?: readonly string[] } = {},
  ): Promise<RawClient> {
    const { name = "", structured = false, contexts = [] } = options;
    const client = await RawClient.connect(server);
    client.send(Buffer.from([0, 0, 0, 3]));
    if (structured) await client.option(OPTION.structuredReply);
    client.#structured = structured;
    if (contexts.length > 0) {
      const count = Buffer.alloc(4);
      count.writeUInt32BE(contexts.length);
      const query = Buffer.concat([counted(name), count, ...contexts.map(counted)]);
      await client.option(OPTION.setMetaContext, query);
    }
    client.send(goBytes(name));
    const { type } = (await client.optionReplies()).at(-1) ?? {};
    if (type !== OPTION_REPLY.ack) throw new Error(`the export was refused: ${type}`);
    return client;
  }

  send(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Leaves the socket to somebody else. */
  letGo(): void {
    this.#reader.release();
  }

  /** Takes whatever comes from here on, and waits for the end. */
  async untilClosed(): Promise<void> {
    this.letGo();
    this.socket.resume();
    await this.closed;
  }

  take(length: number): Promise<Buffer> {
    return this.#reader.take(length);
  }

  /** Sends an option and returns its replies. */
  async option(option: number, data?: Uint8Array): Promise<OptionReply[]> {
    this.send(optionBytes(option, data));
    return await this.optionReplies();
  }

  /** The replies to one option, to the acknowledgement or the refusal. */
  async optionReplies(): Promise<OptionReply[]> {
    const replies: OptionReply[] = [];
    while (true) {
      const header = await this.take(20);
      const type = header.readUInt32BE(12);
      replies.push({ type, contents: await this.take(header.readUInt32BE(16)) });
      if (type === OPTION_REPLY.ack || type > 0x80000000) return replies;
    }
  }

  /** Sends a request and returns its cookie. */
  ask(request: RawRequest): number {
    this.#cookie += 1;
    this.send(requestBytes(request, this.#cookie));
    return this.#cookie;
  }

  /** Sends a request and waits for its reply, the next that comes. */
  async call(request: RawRequest): Promise<RawReply> {
    this.ask(request);
    return await this.reply(request.type === COMMAND.read ? (request.length ?? 0) : 0);
  }

  /** @param readLength what a simple reply without an error is followed by. */
  async reply(readLength: number): Promise<RawReply> {
    if (this.#structured) {
      const magic = (await this.take(4)).readUInt32BE(0);
      return magic === STRUCTURED_REPLY_MAGIC ? await this.#parts() : await this.#simple(0, magic);
    }
    return await this.#simple(readLength, (await this.take(4)).readUInt32BE(0));
  }

  async #simple(readLength: number, magic: number): Promise<RawReply> {
    if (magic !== SIMPLE_REPLY_MAGIC) throw new Error(`no reply: ${magic.toString(16)}`);
    const rest = await this.take(12);
    const error = rest.readUInt32BE(0);
    const data = await this.take(error === 0 ? readLength : 0);
    return { cookie: rest.readUInt32BE(8), error, message: "", data, statuses: [] };
  }

  async #parts(): Promise<RawReply> {
    let [cookie, error, message] = [0, 0, ""];
    const data: Buffer[] = [];
    const statuses: number[][] = [];
    for (let isLast = false; !isLast; ) {
      if (cookie !== 0) await this.take(4); // the magic of a further part
      const header = await this.take(16);
      isLast = (header.readUInt16BE(0) & REPLY_DONE) !== 0;
      const type = header.readUInt16BE(2);
      cookie = header.readUInt32BE(8);
      const contents = await this.take(header.readUInt32BE(12));
      if (type === REPLY_TYPE.offsetData) data.push(contents.subarray(8));
      if (type === REPLY_TYPE.error) {
        error = contents.readUInt32BE(0);
        message = contents.subarray(6).toString();
      }
      if (type === REPLY_TYPE.blockStatus) {
        statuses.push(
          Array.from({ length: contents.length / 4 }, (_, at) => contents.readUInt32BE(4 * at)),
        );
      }
    }
    return { cookie, error, message, data: Buffer.concat(data), statuses };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await this.closed;
  }
}
