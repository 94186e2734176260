import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "../simulation/random.ts";
import { type Answer, withHeaders } from "./answer.ts";
import type { Fault } from "./fault.ts";
import { Upstream } from "./upstream.ts";
import { Wire, WireOver } from "./wire.ts";

/** For so long nobody listens where a refusal passes. */
const REFUSAL_MS = 15;

/** A way to the server behind, with one fault in it. */
export interface DoorOptions {
  /** The server's origin. */
  readonly upstream: string;
  readonly fault: Fault | undefined;
  /** So many requests, or connections, are served well before. */
  readonly skip: number;
  /** So many meet the fault. Default all. */
  readonly times?: number;
  readonly seed: number;
}

export interface DoorCounts {
  readonly requests: number;
  /** Open now. */
  readonly connections: number;
  /** How often the fault was met. */
  readonly met: number;
}

/** Listens on a port of its own and passes everything on, but for the fault. */
export class Door {
  readonly #options: DoorOptions;
  readonly #upstream: Upstream;
  readonly #random: Random;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #requests = 0;
  #connections = 0;
  #met = 0;
  #isShut = false;

  constructor(options: DoorOptions) {
    this.#options = options;
    this.#upstream = new Upstream(options.upstream);
    this.#random = new Random(options.seed);
  }

  get counts(): DoorCounts {
    return { requests: this.#requests, connections: this.#sockets.size, met: this.#met };
  }

  /** Resolves to the port. */
  async open(): Promise<number> {
    const port = await this.#listen(0);
    const { fault, skip } = this.#options;
    if (fault?.isRefusal && skip === 0) this.#refuse(port);
    return port;
  }

  shut(): void {
    this.#isShut = true;
    this.#server?.close();
    for (const socket of this.#sockets) socket.destroy();
    this.#upstream.close();
  }

  async #listen(wanted: number): Promise<number> {
    const server = createServer((socket) => {
      socket.on("error", () => {}); // the client went away
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      socket.setNoDelay(true);
      this.#serve(socket, port).catch((error: unknown) => {
        socket.destroy();
        if (!(error instanceof WireOver) && !this.#isShut) throw error;
      });
    });
    server.listen(wanted, "127.0.0.1");
    await once(server, "listening");
    this.#server = server;
    const { port } = server.address() as AddressInfo;
    return port;
  }

  #refuse(port: number): void {
    const isListening = this.#server?.listening;
    this.#server?.close();
    for (const socket of this.#sockets) socket.destroy();
    if (isListening && this.#options.times !== undefined) void this.#listenAgain(port);
  }

  /** Somebody else's connection may have that port for a moment. */
  async #listenAgain(port: number): Promise<void> {
    for (let isOpen = false; !isOpen && !this.#isShut; ) {
      await sleep(REFUSAL_MS);
      if (this.#isShut) return;
      isOpen = await this.#listen(port).then(
        () => true,
        () => false,
      );
    }
    if (this.#isShut) this.#server?.close();
  }

  /** Whether what is counted by `count`, from 1, is to meet the fault. */
  #isMet(count: number): boolean {
    const { skip, times = Number.POSITIVE_INFINITY } = this.#options;
    return count > skip && count <= skip + times;
  }

  /** Requests are answered one after the other, whenever they come. */
  async #serve(socket: Socket, port: number): Promise<void> {
    const { fault } = this.#options;
    const wire = new Wire(socket, () => this.#refuse(port));
    this.#connections += 1;
    const isFaulty = fault?.isAtConnection && this.#isMet(this.#connections);
    if (isFaulty) this.#met += 1;
    let text = "";
    // It is read from whatever happens, so that its end is noticed.
    await new Promise<never>((_, reject) => {
      let answered = Promise.resolve(isFaulty ? fault.act(wire, NO_ANSWER, this.#random) : null);
      answered.catch(reject);
      socket.on("close", () => reject(new WireOver()));
      socket.on("data", (piece) => {
        const heads = (text + piece.toString("latin1")).split("\r\n\r\n");
        text = heads.pop() ?? "";
        for (const head of heads) {
          answered = answered.then(() => this.#answer(wire, head));
          answered.catch(reject);
        }
      });
    });
  }

  async #answer(wire: Wire, head: string): Promise<void> {
    const { fault } = this.#options;
    this.#requests += 1;
    const isMet = !fault?.isAtConnection && this.#isMet(this.#requests);
    const answer = await this.#upstream.ask(parseHead(head));
    if (fault !== undefined && isMet) {
      this.#met += 1;
      await fault.act(wire, answer, this.#random);
    } else if (fault?.isAtConnection) {
      // So that the next request needs a connection too.
      await wire.send(withHeaders(answer, { connection: "close" }));
      wire.end();
    } else await wire.send(answer);
  }
}

const NO_ANSWER: Answer = { status: 0, reason: "", headers: [], body: Buffer.alloc(0) };

/** What stands before the empty line of a request; none of them has a body. */
function parseHead(head: string): Parameters<Upstream["ask"]>[0] {
  const [line = "", ...rest] = head.split("\r\n");
  const [method = "GET", target = "/"] = line.split(" ");
  const headers: Record<string, string> = {};
  for (const header of rest) {
    const colon = header.indexOf(":");
    headers[header.slice(0, colon).toLowerCase()] = header.slice(colon + 1).trim();
  }
  delete headers.connection; // that is between the client and us
  return { method, target, headers };
}
