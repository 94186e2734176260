import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Order, Report } from "./server.ts";

/** Starts a web server of a replica in a process of its own. */
export async function serveReplica(): Promise<ServedReplica> {
  const main = fileURLToPath(new URL("./server.js", import.meta.url));
  const child = spawn(process.execPath, ["--enable-source-maps", main], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  if (child.stdout === null) throw new Error("the server has no stdout");
  const [port] = (await once(createInterface(child.stdout), "line")) as [string];
  return new ServedReplica(child, `http://127.0.0.1:${port}`);
}

/** The server, seen from the test. */
export class ServedReplica {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;
  readonly #answers = new Map<Report["id"], (report: Report) => void>();
  #orders = 0;

  constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
    this.#exit = once(child, "exit");
    child.on("message", (report: Report) => {
      this.#answers.get(report.id)?.(report);
      this.#answers.delete(report.id);
    });
  }

  /** Serves this folder from now on, at this rate, and counts anew. */
  async serve(root: string, bytesPerSecond: number): Promise<void> {
    await this.#order({ root, bytesPerSecond, reset: true });
  }

  /** Bytes served since then, or since this was called last. */
  async takeBytes(): Promise<number> {
    const { bytes } = await this.#order({});
    await this.#order({ reset: true });
    return bytes;
  }

  /** Resolves once so many bytes were served. A later call takes the place of an earlier one. */
  async passed(bytes: number): Promise<void> {
    const passed = new Promise((resolve) => this.#answers.set("passed", resolve));
    await this.#order({ alarm: bytes });
    await passed;
  }

  async close(): Promise<void> {
    this.#child.disconnect();
    await this.#exit;
  }

  #order(order: Omit<Order, "id">): Promise<Report> {
    this.#orders += 1;
    const id = this.#orders;
    return new Promise((resolve) => {
      this.#answers.set(id, resolve);
      this.#child.send({ id, ...order });
    });
  }
}
