import { Agent, type IncomingMessage, request } from "node:http";
import type { Answer } from "./answer.ts";

/** What concerns one connection only, and so is not passed on. */
const OF_ONE_CONNECTION: readonly string[] = [
  "connection",
  "keep-alive",
  "transfer-encoding",
  "content-length",
];

/** A request as the client sent it. */
export interface PassedRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The good server behind the proxy. */
export class Upstream {
  readonly #origin: URL;
  readonly #agent = new Agent({ keepAlive: true });

  /** @param origin of plain http. */
  constructor(origin: string) {
    this.#origin = new URL(origin);
  }

  /** The answer to this very request; the Host is the client's, since a signature may cover it. */
  async ask({ method, target, headers }: PassedRequest): Promise<Answer> {
    const { hostname, port } = this.#origin;
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const options = { hostname, port, path: target, method, headers, agent: this.#agent };
      request(options, resolve).on("error", reject).end();
    });
    const pieces: Uint8Array[] = [];
    for await (const piece of answer) pieces.push(piece as Uint8Array);
    const body = Buffer.concat(pieces);
    return {
      status: answer.statusCode ?? 0,
      reason: answer.statusMessage ?? "",
      headers: [...headersOf(answer), ["content-length", `${body.length}`]],
      body,
    };
  }

  close(): void {
    this.#agent.destroy();
  }
}

function headersOf({ rawHeaders }: IncomingMessage): [string, string][] {
  const headers: [string, string][] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? "";
    if (OF_ONE_CONNECTION.includes(name.toLowerCase())) continue;
    headers.push([name, rawHeaders[index + 1] ?? ""]);
  }
  return headers;
}
