import { connect, type Socket } from "node:net";

/** An answer as it came, taken apart by nothing but its Content-Length. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** One connection of a client that sends what it is told, letter by letter. */
export class RawHttp implements AsyncDisposable {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  #received: Buffer = Buffer.alloc(0);
  #wake = (): void => {};
  #isOver = false;

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1" });
    this.socket.on("error", () => {});
    this.socket.on("data", (piece: Buffer) => {
      this.#received = Buffer.concat([this.#received, piece]);
      this.#wake();
    });
    this.closed = new Promise((resolve) => {
      this.socket.on("close", () => {
        this.#isOver = true;
        this.#wake();
        resolve();
      });
    });
  }

  /** What came and was not taken yet. */
  get received(): Buffer {
    return this.#received;
  }

  send(text: string): void {
    this.socket.write(text);
  }

  /** @param isHead an answer to HEAD has no body, whatever its Content-Length says. */
  async answer(isHead = false): Promise<RawAnswer> {
    const head = await this.#take(() => {
      const end = this.#received.indexOf("\r\n\r\n");
      return end < 0 ? undefined : end + 4;
    });
    const [statusLine = "", ...lines] = head.toString("latin1").trimEnd().split("\r\n");
    const headers = new Map(
      lines.map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    const status = Number(statusLine.split(" ")[1]);
    const isEmpty = isHead || status === 204 || status === 304;
    const length = isEmpty ? 0 : Number(headers.get("content-length"));
    const body = await this.#take(() => (this.#received.length >= length ? length : undefined));
    return { status, headers, body };
  }

  /** Sends a request with these lines after the first, and takes the answer. */
  async ask(first: string, ...lines: readonly string[]): Promise<RawAnswer> {
    const host = lines.some((line) => /^host:/i.test(line)) ? [] : ["Host: 127.0.0.1"];
    this.send([`${first} HTTP/1.1`, ...host, ...lines, "", ""].join("\r\n"));
    return await this.answer(first.startsWith("HEAD "));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await this.closed;
  }

  async #take(lengthOf: () => number | undefined): Promise<Buffer> {
    for (let length = lengthOf(); ; length = lengthOf()) {
      if (length !== undefined) {
        const taken = this.#received.subarray(0, length);
        this.#received = this.#received.subarray(length);
        return taken;
      }
      if (this.#isOver) throw new Error(`the connection ended after ${this.#received.length}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** The parts of a multipart/byteranges answer: where each says it lies, and its bytes. */
export function partsOf({ headers, body }: RawAnswer): { range: string; bytes: Buffer }[] {
  const type = headers.get("content-type") ?? "";
  const [, boundary] = /^multipart\/byteranges; boundary=(\S+)$/.exec(type) ?? [];
  if (boundary === undefined) throw new Error(`not multipart: ${type}`);
  const text = body.toString("latin1");
  const pieces = text.split(`--${boundary}`);
  if (pieces[0] !== "" || pieces.at(-1) !== "--\r\n") throw new Error("it has no proper ends");
  return pieces.slice(1, -1).map((piece) => {
    const [, head = "", bytes = ""] = /^\r\n(.*?)\r\n\r\n(.*)\r\n$/s.exec(piece) ?? [];
    const [, range = ""] = /^content-range: bytes (.*)$/im.exec(head) ?? [];
    return { range, bytes: Buffer.from(bytes, "latin1") };
  });
}
