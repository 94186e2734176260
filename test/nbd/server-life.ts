import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { RawClient } from "./raw-client.ts";

/** What a process is told to serve. */
export interface Life {
  readonly url: string;
  readonly path: string;
  readonly unix: string;
  readonly regionSize: number;
}

/** A process that serves a blob over NBD, to be killed. */
export class ServerLife {
  readonly #life: Life;
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;
  #said = "";
  #complaints = "";

  constructor(life: Life) {
    this.#life = life;
    const main = fileURLToPath(new URL("./life.js", import.meta.url));
    const words = ["--enable-source-maps", main, JSON.stringify(life)];
    this.#child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "pipe"] });
    this.#exit = once(this.#child, "close");
    this.#child.stdout?.on("data", (piece: Buffer) => {
      this.#said += piece;
    });
    this.#child.stderr?.on("data", (piece: Buffer) => {
      this.#complaints += piece;
    });
  }

  /** Resolves to a client once it serves; to undefined when it was killed before. */
  async client(): Promise<RawClient | undefined> {
    while (!this.#said.includes("serving\n")) {
      const { stdout } = this.#child;
      if (stdout === null) return undefined;
      const more = await Promise.race([once(stdout, "data").catch(() => {}), this.#exit]);
      if (more === undefined || this.#child.exitCode !== null) break;
      if (this.#child.signalCode !== null) break;
    }
    if (!this.#said.includes("serving\n")) return undefined;
    const address = { unix: this.#life.unix };
    try {
      return await RawClient.open({ address });
    } catch {
      return undefined;
    }
  }

  /** Kills it, and throws when it had ended by itself before. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exit;
    const { exitCode } = this.#child;
    if (exitCode !== null) throw new Error(`it ended with ${exitCode}: ${this.#complaints}`);
  }

  /** Tells it to end, and waits until it has done everything. */
  async close(): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#exit;
    if (!this.#said.includes("closed\n")) throw new Error(`it did not close: ${this.#complaints}`);
  }
}
