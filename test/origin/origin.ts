import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, TLSSocket, type TlsOptions } from "node:tls";
import { answerTo } from "./answer.ts";
import { ConnectionOver, Pace, writeAnswer } from "./connection.ts";
import { type OriginRequest, parseRange, parseRequest } from "./request.ts";
import { type Behaviour, type Rule, RuleList } from "./rules.ts";

/** What is kept of the requests of each path at most. */
const LOG_LENGTH = 1000;

/** What was served, exact: a byte counts when it is given to the socket. */
export interface Counts {
  readonly requests: number;
  readonly bytes: number;
}

/** One request as the origin saw it. */
export interface SeenRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly port: number;
  /** The same for requests on the same connection. */
  readonly connection: number;
  /** The name in the client's certificate, if it showed one. */
  readonly client: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

export interface OriginOptions extends Behaviour {
  /** Speaks TLS. */
  tls?: TlsOptions;
}

/** Serves deterministic content on two ports, so that one can redirect to the other. */
export class Origin {
  readonly #servers: readonly Server[];
  readonly #base: Behaviour;
  readonly #rules = new Map<string, RuleList>();
  readonly #counts = new Map<string, { requests: number; bytes: number }>();
  readonly #requests = new Map<string, SeenRequest[]>();
  #connections = 0;
  #open = 0;

  constructor(options: OriginOptions) {
    const { tls, ...base } = options;
    this.#base = base;
    const serve = (socket: Socket): void => void this.#serve(socket);
    const make = (): Server => (tls ? createTlsServer(tls, serve) : createServer(serve));
    this.#servers = [make(), make()];
  }

  /** Begins to listen, and resolves with the ports. */
  async listen(): Promise<number[]> {
    return Promise.all(
      this.#servers.map(async (server) => {
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
        return (server.address() as AddressInfo).port;
      }),
    );
  }

  set(path: string, rules: readonly Rule[]): void {
    this.#rules.set(path, new RuleList(rules));
  }

  counts(path?: string): Counts {
    if (path !== undefined) return { requests: 0, bytes: 0, ...this.#counts.get(path) };
    const sum = { requests: 0, bytes: 0 };
    for (const { requests, bytes } of this.#counts.values()) {
      sum.requests += requests;
      sum.bytes += bytes;
    }
    return sum;
  }

  /** How many are open now. */
  get connections(): number {
    return this.#open;
  }

  requests(path: string): readonly SeenRequest[] {
    return this.#requests.get(path) ?? [];
  }

  /** Forgets counts and requests, not rules. */
  reset(): void {
    this.#counts.clear();
    this.#requests.clear();
  }

  async #serve(socket: Socket): Promise<void> {
    const pace = new Pace();
    this.#connections += 1;
    const connection = this.#connections;
    this.#open += 1;
    socket.once("close", () => {
      this.#open -= 1;
    });
    socket.setNoDelay(true);
    socket.on("error", () => {}); // the other side may leave at any time
    try {
      for await (const request of requestsOf(socket)) {
        await this.#answer(socket, request, connection, pace);
      }
    } catch (error) {
      if (!(error instanceof ConnectionOver) && !socket.destroyed) throw error;
    }
  }

  async #answer(
    socket: Socket,
    request: OriginRequest,
    connection: number,
    pace: Pace,
  ): Promise<void> {
    const { method, url, headers } = request;
    const range = parseRange(headers.range);
    const start = range !== undefined && "start" in range ? range.start : undefined;
    const path = url.pathname;
    const behaviour = { ...this.#base, ...this.#rules.get(path)?.take({ headers, start }) };

    const counts = this.#counts.get(path) ?? { requests: 0, bytes: 0 };
    this.#counts.set(path, counts);
    counts.requests += 1;
    const seen = this.#requests.get(path) ?? [];
    this.#requests.set(path, seen);
    const port = socket.localPort ?? 0;
    const client = clientOf(socket);
    seen.push({ method, path: path + url.search, port, connection, client, headers });
    if (seen.length > LOG_LENGTH) seen.shift();

    await writeAnswer(socket, answerTo(request, behaviour), behaviour, pace, (bytes) => {
      counts.bytes += bytes;
    });
  }
}

function clientOf(socket: Socket): string | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const name = socket.getPeerCertificate().subject?.CN;
  return Array.isArray(name) ? name.join() : name;
}

async function* requestsOf(socket: Socket): AsyncGenerator<OriginRequest, void, undefined> {
  let text = "";
  for await (const piece of socket.iterator({ destroyOnReturn: false })) {
    text += (piece as Buffer).toString("latin1");
    for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
      const request = parseRequest(text.slice(0, end));
      text = text.slice(end + 4);
      yield request;
    }
  }
}
