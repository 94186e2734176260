import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";

/** A read as it came. */
export interface AskedRead {
  readonly cookie: bigint;
  readonly offset: number;
  readonly length: number;
}

/** How a server differs from a good one. */
export interface Faults {
  /** In the place of the first 18 bytes. */
  readonly greeting?: Buffer;
  /** Called for each option: true where it was answered here, or is not to be answered. */
  readonly onOption?: (option: number, socket: Socket) => boolean;
  /** Called for each request: answers it, or not. */
  readonly onRead?: (read: AskedRead, socket: Socket, server: FaultyServer) => void;
  /** Default: 1 MiB. */
  readonly size?: () => number;
  /** Default true. */
  readonly structured?: boolean;
  /** Whether it offers several connections. Default true. */
  readonly multiConn?: boolean;
}

/**
 * A server of NBD for what real ones cannot be made to do. What nobody changes it does well: its
 * byte at `n` is `n % 251`.
 */
export class FaultyServer {
  readonly uri: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  connectionCount = 0;
  readonly reads: AskedRead[] = [];

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.uri = `nbd://127.0.0.1:${port}/disk`;
  }

  static async start(faults: Faults = {}): Promise<FaultyServer> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const faulty = new FaultyServer(server, address.port);
    server.on("connection", (socket) => {
      faulty.connectionCount += 1;
      faulty.#sockets.add(socket);
      socket.on("close", () => faulty.#sockets.delete(socket)).on("error", () => {});
      void faulty.#serve(socket, faults).catch(() => socket.destroy());
    });
    return faulty;
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    if (this.#server.listening) await once(this.#server, "close");
  }

  async #serve(socket: Socket, faults: Faults): Promise<void> {
    const { greeting, onOption = () => false, onRead = answerWell, structured = true } = faults;
    const flags = faults.multiConn === false ? 0x1 : 0x101;
    const take = taker(socket);
    socket.write(greeting ?? join(64, 0x4e42444d41474943n, 64, 0x49484156454f5054n, 16, 3));
    await take(4);
    let isStructured = false;
    while (true) {
      const head = await take(16);
      const option = head.readUInt32BE(8);
      await take(head.readUInt32BE(12));
      if (onOption(option, socket)) continue;
      if (option === 7) {
        const size = faults.size?.() ?? 2 ** 20;
        socket.write(optionReply(option, 3, join(16, 0, 64, size, 16, flags)));
        socket.write(optionReply(option, 1));
        break;
      }
      if (option === 1) {
        socket.write(join(64, faults.size?.() ?? 2 ** 20, 16, flags));
        break;
      }
      isStructured ||= option === 8 && structured;
      socket.write(optionReply(option, option === 8 && structured ? 1 : 0x80000001));
    }
    while (true) {
      const request = await take(28);
      if (request.readUInt16BE(6) === 2) {
        socket.end();
        return;
      }
      const read = {
        cookie: request.readBigUInt64BE(8),
        offset: Number(request.readBigUInt64BE(16)),
        length: request.readUInt32BE(24),
      };
      this.reads.push(read);
      if (isStructured) onRead(read, socket, this);
      else if (faults.onRead !== undefined) onRead(read, socket, this);
      else socket.write(Buffer.concat([simpleReply(read.cookie), contentOf(read)]));
    }
  }
}

/** The right bytes. */
export function contentOf({ offset, length }: { offset: number; length: number }): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, index) => (offset + index) % 251));
}

export function optionReply(option: number, type: number, data: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([
    join(64, 0x0003e889045565a9n, 32, option, 32, type, 32, data.length),
    data,
  ]);
}

export function simpleReply(cookie: bigint, error = 0): Buffer {
  return join(32, 0x67446698, 32, error, 64, cookie);
}

/** @param done whether nothing more comes for this request. */
export function part(cookie: bigint, done: boolean, type: number, payload: Buffer): Buffer {
  const head = join(32, 0x668e33ef, 16, done ? 1 : 0, 16, type, 64, cookie, 32, payload.length);
  return Buffer.concat([head, payload]);
}

export function dataPart(read: AskedRead, done = true): Buffer {
  return part(read.cookie, done, 1, Buffer.concat([join(64, read.offset), contentOf(read)]));
}

export function answerWell(read: AskedRead, socket: Socket): void {
  socket.write(dataPart(read));
}

/** Numbers, each after how many bits it takes. */
export function join(...fields: (number | bigint)[]): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < fields.length; at += 2) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(BigInt(fields[at + 1] ?? 0), 0);
    parts.push(bytes.subarray(8 - Number(fields[at]) / 8));
  }
  return Buffer.concat(parts);
}

/** A function that resolves to the next so many bytes. It rejects when the socket ends. */
function taker(socket: Socket): (length: number) => Promise<Buffer> {
  let received: Buffer = Buffer.alloc(0);
  let wake = (): void => {};
  let isEnded = false;
  socket.on("data", (bytes: Buffer) => {
    received = Buffer.concat([received, bytes]);
    wake();
  });
  socket.on("close", () => {
    isEnded = true;
    wake();
  });
  return async (length) => {
    while (received.length < length) {
      if (isEnded) throw new Error("it hung up");
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    const bytes = received.subarray(0, length);
    received = received.subarray(length);
    return bytes;
  };
}
