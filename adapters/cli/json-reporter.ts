import type { Progress } from "../../lib/index.ts";
import type { Ending, Notice, Opened, Reporter } from "./reporter.ts";

/** One JSON object a line, each with its `event`. They are listed in docs/command-line.md. */
export class JsonReporter implements Reporter {
  readonly intervalMs = 1000;
  readonly #write: (line: string) => void;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  opened({ picture: _, ...opened }: Opened): void {
    this.#say({ event: "opened", ...opened });
  }

  progress(progress: Progress): void {
    // JSON has no undefined, and a member that is always there is easier to read.
    this.#say({ event: "progress", ...progress, etaMs: progress.etaMs ?? null });
  }

  notice(notice: Notice): void {
    this.#say(notice);
  }

  ended(ending: Ending): void {
    this.#say(ending);
  }

  stop(): void {}

  #say(value: object): void {
    this.#write(`${JSON.stringify(value)}\n`);
  }
}
