import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";

/** Where undici says which connection a request goes out on: its `DiagnosticsChannel.md`. */
const SENT = "undici:client:sendHeaders";

/**
 * Holds back what a connection has received, so that the server is made to wait. undici would do
 * that too, but it (7.30, nodejs/undici#5360) ends the process when a connection that it holds back
 * is closed by the server.
 */
export class Valve {
  readonly #socket: Socket;
  #isHeld = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const read = socket.read;
    // What nobody reads stays in the socket's own buffer, and its end behind it.
    socket.read = (size) => (this.#isHeld ? null : read.call(socket, size));
  }

  static of(socket: Socket): Valve {
    let valve = valves.get(socket);
    if (valve === undefined) {
      valve = new Valve(socket);
      valves.set(socket, valve);
    }
    return valve;
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    // undici reads when it is told that it can; but it may be in the middle of it now.
    process.nextTick(() => this.#socket.emit("readable"));
  }
}

const valves = new WeakMap<Socket, Valve>();
let taking: ((valve: Valve) => void) | undefined;
let isSubscribed = false;

/**
 * Called while a request is being sent, before its headers are: `take` is given the valve of the
 * connection on which they are sent.
 */
export function takeValve(take: (valve: Valve) => void): void {
  if (!isSubscribed) {
    isSubscribed = true;
    subscribe(SENT, (message) => {
      const given = taking;
      taking = undefined;
      given?.(Valve.of((message as { readonly socket: Socket }).socket));
    });
  }
  taking = take;
}
