import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Life } from "./life.ts";

/** A process that brings a copy, seen from who kills it. */
export class LifeProcess {
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;
  #said = "";
  #complaints = "";
  #heard = (): void => {};

  constructor(life: Life) {
    const main = fileURLToPath(new URL("./life.js", import.meta.url));
    const words = ["--enable-source-maps", main, JSON.stringify(life)];
    this.#child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "pipe"] });
    this.#exit = once(this.#child, "close");
    this.#child.stdout?.on("data", (piece: Buffer) => {
      this.#said += piece;
      this.#heard();
    });
    this.#child.stderr?.on("data", (piece: Buffer) => {
      this.#complaints += piece;
    });
  }

  /** Resolves when it has said this, or is over. */
  async said(word: string): Promise<void> {
    const heard = new Promise<void>((resolve) => {
      this.#heard = () => {
        if (this.#said.includes(word)) resolve();
      };
      this.#heard();
    });
    await Promise.race([heard, this.#exit]);
  }

  /** Kills it, which is no matter where it is over. Returns whether it was not. */
  async kill(): Promise<boolean> {
    this.#child.kill("SIGKILL");
    await this.#exit;
    this.#check();
    return this.#child.signalCode !== null;
  }

  /** Waits until it is over by itself. Returns what it said; undefined where it killed itself. */
  async over(): Promise<string | undefined> {
    await this.#exit;
    this.#check();
    return this.#child.signalCode === null ? this.#said : undefined;
  }

  /** It may be killed, but not fail; and it has no reason to complain. */
  #check(): void {
    const { exitCode, signalCode } = this.#child;
    const isGood = exitCode === 0 || signalCode === "SIGKILL";
    if (isGood && this.#complaints === "") return;
    throw new Error(`it ended with ${exitCode ?? signalCode}: ${this.#complaints}`);
  }
}
