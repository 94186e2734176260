import { once } from "node:events";
import { createServer, request } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

/** What a proxy was asked. */
export interface ProxyRequest {
  /** The method and the target. */
  readonly line: string;
  readonly authorization: string | undefined;
}

export interface Proxy extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly ProxyRequest[];
}

/** A small HTTP proxy in this process; one that refuses answers 407 to everything. */
export async function startProxy({ refuse = false }: { refuse?: boolean } = {}): Promise<Proxy> {
  const requests: ProxyRequest[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((incoming, response) => {
    const { method, url = "", headers } = incoming;
    requests.push({ line: `${method} ${url}`, authorization: headers["proxy-authorization"] });
    if (refuse) {
      response.writeHead(407).end();
      return;
    }
    const passedOn = request(url, { headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    passedOn.on("error", () => response.destroy()).end();
  });
  server.on("connect", ({ method, url = "", headers }, socket: Socket) => {
    requests.push({ line: `${method} ${url}`, authorization: headers["proxy-authorization"] });
    if (refuse) {
      socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
      return;
    }
    const { hostname, port } = new URL(`http://${url}`);
    const beyond = connect(Number(port), hostname, () => {
      socket.write("HTTP/1.1 200 Connected\r\n\r\n");
      beyond.pipe(socket).pipe(beyond);
    });
    for (const end of [socket, beyond])
      end.on("error", () => {}).on("close", () => beyond.destroy());
  });
  server.on("connection", (socket) => sockets.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
