import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Orders } from "../orders.ts";
import type { DoorCounts } from "./door.ts";
import type { DoorRequest, Order } from "./main.ts";

export type { DoorCounts, DoorRequest };

/** A door, seen from the test: a port with one fault behind it. */
export interface FaultyDoor extends AsyncDisposable {
  /** `http://127.0.0.1:…`, without a slash at its end. */
  readonly origin: string;
  counts(): Promise<DoorCounts>;
}

/** Starts the fault proxy in a process of its own. */
export function startFaultProxy(): FaultProxyClient {
  const main = fileURLToPath(new URL("./main.js", import.meta.url));
  const stdio = ["ignore", "inherit", "inherit", "ipc"] as const;
  return new FaultProxyClient(spawn(process.execPath, [main], { stdio: [...stdio] }));
}

/** The proxy, seen from the test. */
export class FaultProxyClient implements AsyncDisposable {
  readonly #orders: Orders<Order>;

  constructor(child: ChildProcess) {
    this.#orders = new Orders(child);
  }

  async open(door: DoorRequest): Promise<FaultyDoor> {
    const port = (await this.#orders.give({ name: "open", door })) as number;
    return {
      origin: `http://127.0.0.1:${port}`,
      counts: async () => (await this.#orders.give({ name: "counts", port })) as DoorCounts,
      [Symbol.asyncDispose]: async () => void (await this.#orders.give({ name: "shut", port })),
    };
  }

  /** Ends the process. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#orders.close();
  }
}
