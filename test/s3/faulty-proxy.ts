import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { text } from "node:stream/consumers";

/** What a request said. */
export interface SeenRequest {
  readonly method: string;
  /** With its query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/** What is answered in the server's place. */
export interface FaultyAnswer {
  readonly status: number;
  /** S3's code: the body is then the XML that S3 would send. */
  readonly code?: string;
  readonly message?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/**
 * Stands before a real S3 server: passes on what comes, counts it, and answers itself where it is
 * told to.
 */
export interface FaultyProxy {
  readonly url: string;
  readonly requests: SeenRequest[];
  /** Undefined passes the request on. */
  answer: (request: SeenRequest) => FaultyAnswer | undefined;
  /** From now on nothing is answered, until it is let go. */
  hold(): void;
  letGo(): void;
  close(): Promise<void>;
}

export async function startFaultyProxy(endpoint: string): Promise<FaultyProxy> {
  const sockets = new Set<Socket>();
  let held: Promise<void> | undefined;
  let release = (): void => {};
  const server = createServer(async (incoming, response) => {
    if (held !== undefined) await held;
    const { method = "GET", url = "/", headers } = incoming;
    const seen = { method, url, headers };
    proxy.requests.push(seen);
    const answer = proxy.answer(seen);
    if (answer !== undefined) {
      void text(incoming).then(() => {
        const body = answer.body ?? errorBody(answer);
        response.writeHead(answer.status, { "content-length": body.length, ...answer.headers });
        response.end(body);
      });
      return;
    }
    passOn(incoming, endpoint).then(
      (found) => {
        response.writeHead(found.statusCode ?? 502, found.headers);
        found.on("error", () => response.destroy()).pipe(response);
        response.on("close", () => found.destroy());
      },
      () => response.destroy(),
    );
  });
  server.on("connection", (socket) => sockets.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const proxy: FaultyProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    answer: () => undefined,
    hold: () => {
      held = new Promise((resolve) => {
        release = resolve;
      });
    },
    letGo: () => {
      held = undefined;
      release();
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
  return proxy;
}

/** The host that was signed goes along. */
async function passOn(incoming: IncomingMessage, endpoint: string): Promise<IncomingMessage> {
  const { method, url, headers } = incoming;
  const passed = request(endpoint + url, { method, headers, agent: false });
  passed.on("error", () => {}); // some servers send a body that no HEAD has
  incoming.pipe(passed);
  const [answer] = (await once(passed, "response")) as [IncomingMessage];
  return answer;
}

function errorBody({ code, message = "" }: FaultyAnswer): string {
  if (code === undefined) return "";
  return `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;
}
