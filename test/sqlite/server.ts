import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What a server does instead of answering well. */
export type Trouble = "refuses" | "resets" | "stalls" | "changes" | "ends early" | "loses it";

/** A web server with one file, in this process. */
export class TroubledServer implements AsyncDisposable {
  readonly #bytes: Uint8Array;
  readonly #server: Server;
  #port = 0;
  trouble: Trouble | undefined;
  requests = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/original.db`;
  }

  /** Where it listened before. */
  async listen(): Promise<void> {
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Is not there any more. */
  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.requests += 1;
    const { trouble } = this;
    const [, first, last] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "") ?? [];
    const start = Number(first);
    const end = Math.min(Number(last) + 1, this.#bytes.length);
    switch (trouble) {
      case "refuses":
        response.writeHead(503).end();
        return;
      case "loses it":
        response.writeHead(404).end();
        return;
      case "resets":
        request.socket.resetAndDestroy();
        return;
      case "stalls":
        return;
    }
    response.writeHead(206, {
      etag: trouble === "changes" ? '"2"' : '"1"',
      "content-range": `bytes ${start}-${end - 1}/${this.#bytes.length}`,
      "content-length": end - start,
    });
    const body = this.#bytes.subarray(start, end);
    if (trouble !== "ends early") response.end(body);
    else response.write(body.subarray(0, 100), () => request.socket.end());
  }
}
