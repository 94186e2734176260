import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Orders } from "../orders.ts";
import { seedOf } from "./answer.ts";
import { contentOf } from "./content.ts";
import type { Order } from "./main.ts";
import type { Counts, OriginOptions, SeenRequest } from "./origin.ts";
import type { Rule } from "./rules.ts";

export type { Counts, OriginOptions, Rule, SeenRequest };

/**
 * Starts a faulty HTTP origin in a process of its own.
 *
 * ```ts
 * await using origin = await startOrigin({ latencyMs: 30, bytesPerSecond: 40e6 });
 * await origin.set("/blob", { cut: { after: 1000, how: "reset" }, times: 1 });
 * const url = origin.url("/blob?size=4194304&seed=7");
 * // …
 * const expected = origin.bytes(7, 0, 4194304);
 * const { requests, bytes } = await origin.counts("/blob");
 * ```
 *
 * Every path is a blob: its size and seed are in the query (1 MiB and 1 by default), and its rules
 * and counts go by the path without the query.
 */
export async function startOrigin(options: OriginOptions = {}): Promise<OriginClient> {
  const main = fileURLToPath(new URL("./main.js", import.meta.url));
  const child = spawn(process.execPath, [main, JSON.stringify(options)], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  if (child.stdout === null) throw new Error("the origin has no stdout");
  const lines = createInterface(child.stdout);
  const [line] = (await once(lines, "line")) as [string];
  const { ports } = JSON.parse(line) as { ports: [number, number] };
  return new OriginClient(child, ports, options.tls === undefined ? "http:" : "https:");
}

/** The origin, seen from the test. */
export class OriginClient implements AsyncDisposable {
  readonly #orders: Orders<Omit<Order, "id">>;
  readonly #ports: readonly [number, number];
  readonly #protocol: string;

  constructor(child: ChildProcess, ports: readonly [number, number], protocol: string) {
    this.#orders = new Orders(child);
    this.#ports = ports;
    this.#protocol = protocol;
  }

  /** The whole URL of a path. */
  url(path: string): string {
    return `${this.#protocol}//127.0.0.1:${this.#ports[0]}${path}`;
  }

  /** The same blob at another port, so at another origin as HTTP has it. */
  otherUrl(path: string): string {
    return `${this.#protocol}//127.0.0.1:${this.#ports[1]}${path}`;
  }

  /** Replaces the rules of a path. Where several match a request, the later ones win. */
  async set(path: string, ...rules: Rule[]): Promise<void> {
    await this.#orders.give({ name: "set", path, rules });
  }

  /** What was served from this path, or from all. */
  async counts(path?: string): Promise<Counts> {
    return (await this.#orders.give({
      name: "counts",
      ...(path === undefined ? {} : { path }),
    })) as Counts;
  }

  /** How many connections the origin has now. */
  async connections(): Promise<number> {
    return (await this.#orders.give({ name: "connections" })) as number;
  }

  /** The requests for this path, the oldest first; the last 1000 at most. */
  async requests(path: string): Promise<readonly SeenRequest[]> {
    return (await this.#orders.give({ name: "requests", path })) as readonly SeenRequest[];
  }

  /** Forgets counts and requests, not rules. */
  async reset(): Promise<void> {
    await this.#orders.give({ name: "reset" });
  }

  /** What a blob of this seed holds there. */
  bytes(seed: number, offset: number, length: number, version = 0): Uint8Array<ArrayBuffer> {
    return contentOf(seedOf(seed, version), offset, length);
  }

  /** Ends the process. Calling it again is harmless. */
  close(): Promise<void> {
    return this.#orders.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
