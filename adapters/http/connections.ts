import { Socket } from "node:net";
import { buildConnector, type Dispatcher, EnvHttpProxyAgent, Pool, ProxyAgent } from "undici";
import type { RequestClass } from "../../lib/index.ts";
import type { HttpSettings } from "./options.ts";

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
    const connect = buildConnector(options);
    return (target, callback) => {
      // Its types hide it, but the socket is returned at once.
      const socket: unknown = connect(target, (...result) => {
        if (socket instanceof Socket) this.#connecting.delete(socket);
        callback(...result);
      });
      if (socket instanceof Socket) this.#connecting.add(socket);
    };
  }
}
