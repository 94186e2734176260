import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What a server, or somebody between it and us, can do to the body of a response. */
export const LIES = ["flip", "truncate", "cut", "swap", "replay", "former", "zeros"] as const;

export type Lie = (typeof LIES)[number];

/** A server of one blob that always gives the same ETag, and lies about the bytes as it is told. */
export class LyingOrigin implements AsyncDisposable {
  bytes: Uint8Array;
  /** What is sent of for a lie of the kind `former`. */
  former: Uint8Array;
  /** Undefined for a response that is true. */
  lie: () => Lie | undefined = () => undefined;
  random: (count: number) => number = () => 0;
  etag = '"always"';
  requests = 0;
  sentBytes = 0;
  lies = 0;
  #last: Uint8Array = new Uint8Array(1);
  readonly #server = createServer((request, response) => this.#answer(request, response));

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.former = bytes;
  }

  async open(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/blob`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #answer({ headers }: IncomingMessage, response: ServerResponse): void {
    const { length: size } = this.bytes;
    const [, from = "0", to = ""] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "") ?? [];
    const first = Number(from);
    const end = to === "" ? size : Math.min(size, Number(to) + 1);
    this.requests += 1;
    const given = headers["if-match"];
    if (given !== undefined && given !== this.etag) {
      response.writeHead(412).end();
      return;
    }
    const right = Buffer.from(this.bytes.subarray(first, end));
    const lie = this.lie();
    const body = lie === undefined ? right : this.#change(right, first, lie);
    if (!right.equals(body) || lie === "cut") this.lies += 1;
    this.#last = right;
    response.writeHead(206, {
      etag: this.etag,
      "content-range": `bytes ${first}-${end - 1}/${size}`,
      "content-length": lie === "truncate" ? body.length : right.length,
    });
    this.sentBytes += body.length;
    if (lie !== "cut") response.end(body);
    else response.write(body, () => response.destroy());
  }

  #change(right: Buffer, first: number, lie: Lie): Buffer {
    const { random } = this;
    const wrong = Buffer.from(right);
    if (lie === "flip") {
      for (let flips = 1 + random(3); flips > 0; flips -= 1) {
        const at = random(wrong.length);
        wrong[at] = (wrong[at] ?? 0) ^ (1 << random(8));
      }
    }
    if (lie === "truncate" || lie === "cut") return wrong.subarray(0, random(right.length));
    if (lie === "swap") {
      // Another part of the same blob, of the same length.
      const at = random(this.bytes.length - right.length + 1);
      wrong.set(this.bytes.subarray(at, at + right.length));
    }
    if (lie === "replay") wrong.set(this.#last.subarray(0, right.length));
    if (lie === "former") wrong.set(this.former.subarray(first, first + right.length));
    if (lie === "zeros") wrong.fill(0, random(right.length));
    return wrong;
  }
}
