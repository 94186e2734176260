import { Socket } from "node:net";
import { buildConnector, type Dispatcher, EnvHttpProxyAgent, Pool, ProxyAgent } from "undici";
import { assert, type RequestClass } from "../../lib/index.ts";
import type { HttpSettings } from "./options.ts";
import { ReceiveMemory } from "./receive-memory.ts";

/** An unused connection is kept so long, unless the server says otherwise. */
const KEEP_ALIVE_MS = 30_000;

/**
 * The connections of one source: those for demand reads and those for background reads apart, so
 * that a reader never waits behind an 8 MiB body; and each server's apart, so that only the URL's
 * own origin sees the client's certificate.
 */
export class Connections {
  readonly #settings: HttpSettings;
  readonly #ownOrigin: string;
  readonly #dispatchers = new Map<string, Dispatcher>();
  /** Not even `destroy` of undici ends these, and each would hold up the process. */
  readonly #connecting = new Set<Socket>();
  readonly #memory = new ReceiveMemory();

  constructor(settings: HttpSettings, ownOrigin: string) {
    this.#settings = settings;
    this.#ownOrigin = ownOrigin;
  }

  to(origin: string, by: RequestClass): Dispatcher {
    const key = `${by} ${origin}`;
    let dispatcher = this.#dispatchers.get(key);
    if (dispatcher === undefined) {
      dispatcher = this.#make(origin, by);
      this.#dispatchers.set(key, dispatcher);
    }
    return dispatcher;
  }

  /** Ends every request with `error`, and every connection. */
  async close(error: Error): Promise<void> {
    const ends = [...this.#dispatchers.values()].map((dispatcher) => dispatcher.destroy(error));
    for (const socket of this.#connecting) socket.destroy(error);
    await Promise.all(ends);
  }

  /** Takes back pieces of bodies that nobody needs any more: others will arrive in their place. */
  takeBack(pieces: readonly Uint8Array[]): void {
    this.#memory.takeBack(pieces);
  }

  #make(origin: string, by: RequestClass): Dispatcher {
    const { proxy, connections } = this.#settings;
    const tls = this.#tls(origin === this.#ownOrigin);
    const pool = { connections: connections[by], keepAliveTimeout: KEEP_ALIVE_MS };
    const direct = { ...pool, connect: this.#connector(tls) };
    if (proxy === undefined) return new Pool(origin, direct);

    const proxied = {
      ...direct,
      requestTls: tls,
      proxyTls: this.#tls(false),
      proxyTunnel: false, // plain http goes through without CONNECT, which many proxies refuse
      factory: (to: string | URL, options: object) => new Pool(to, { ...pool, ...options }),
    };
    if (proxy === "env") return new EnvHttpProxyAgent(proxied);
    return new ProxyAgent({ ...proxied, uri: proxy });
  }

  #tls(own: boolean): buildConnector.BuildOptions {
    const { tls, connectTimeoutMs } = this.#settings;
    const { ca, ...certificate } = tls;
    const options = {
      timeout: connectTimeoutMs,
      ...(ca === undefined ? {} : { ca }),
      ...(own ? certificate : {}),
    };
    return options as buildConnector.BuildOptions; // its types know Buffer only
  }

  #connector(options: buildConnector.BuildOptions): buildConnector.connector {
    const sessions = new Map<string, Buffer>();
    return (target, callback) => {
      const server = `${target.servername ?? target.hostname} ${target.port}`;
      const session = sessions.get(server);
      // Its types hide it, but the socket is returned at once.
      let socket: unknown;
      const onread = this.#memory.receiver((bytes) => {
        assert(socket instanceof Socket, "bytes arrived before there was a socket");
        return socket.push(bytes);
      });
      // Made for this connection alone, which receives into a place of its own.
      const connect = buildConnector({ ...options, ...(session ? { session } : {}), onread });
      socket = connect(target, (...result) => {
        if (socket instanceof Socket) this.#connecting.delete(socket);
        callback(...result);
      });
      if (!(socket instanceof Socket)) return;
      socket.on("session", (found: Buffer) => sessions.set(server, found));
      this.#connecting.add(socket);
    };
  }
}
