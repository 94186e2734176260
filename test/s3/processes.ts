import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { lookForProgram } from "../programs.ts";

const BOUND = lookForProgram("setpriv");

/** The processes of one server. They end with this process, whatever becomes of it. */
export class Processes {
  readonly #children: ChildProcess[] = [];
  #output = "";

  constructor() {
    process.once("exit", () => this.#kill("SIGKILL"));
  }

  start(
    program: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): void {
    // A runner that loses its patience kills this process, and nothing here is told of it.
    const [first = program, ...before] = BOUND
      ? [BOUND, "--pdeathsig", "KILL", program]
      : [program];
    const child = spawn(first, [...before, ...args], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (piece: Buffer) => {
        this.#output = (this.#output + piece.toString()).slice(-4000);
      });
    }
    child.on("error", (error) => {
      this.#output += error.message;
    });
    this.#children.push(child);
  }

  /** Resolves when `isReady` does so with true; it is asked again and again. */
  async wait(what: string, isReady: () => Promise<boolean>): Promise<void> {
    const endMs = Date.now() + 90_000; // on a machine that is busy
    while (!(await isReady().catch(() => false))) {
      const ended = this.#children.some(
        ({ exitCode, signalCode }) => (exitCode ?? signalCode) !== null,
      );
      if (ended || Date.now() > endMs) throw new Error(`${what} did not start: ${this.#output}`);
      await sleep(50);
    }
  }

  async stop(): Promise<void> {
    const running = this.#children.filter((child) => (child.exitCode ?? child.signalCode) === null);
    const ends = running.map((child) => once(child, "exit"));
    this.#kill("SIGKILL");
    await Promise.all(ends);
  }

  #kill(signal: NodeJS.Signals): void {
    for (const child of this.#children) child.kill(signal);
  }
}
