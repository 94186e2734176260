import type { Progress } from "../../lib/index.ts";
import { describeProgress } from "./progress-block.ts";
import type { Ending, Notice, Opened, Reporter } from "./reporter.ts";
import { describeEnding, describeNotice, describeOpened } from "./sentences.ts";

const STEP_PERCENT = 10;
const STEP_MS = 10_000;

/** Plain lines, for logs and pipes: one each 10 %, and one each 10 seconds at least. */
export class LineReporter implements Reporter {
  readonly intervalMs = 500;
  readonly #write: (line: string) => void;
  readonly #now: () => number;
  #step = 0;
  #writtenAt = 0;

  constructor(write: (line: string) => void, now: () => number = () => performance.now()) {
    this.#write = write;
    this.#now = now;
  }

  opened(opened: Opened): void {
    this.#say(describeOpened(opened));
    this.#step = stepOf(opened.size === 0 ? 100 : (100 * opened.hydratedBytes) / opened.size);
    this.#writtenAt = this.#now();
  }

  progress(progress: Progress): void {
    const step = stepOf(progress.percent);
    const waited = this.#now() - this.#writtenAt;
    if (step === this.#step && waited < STEP_MS) return;
    this.#step = step;
    this.#writtenAt = this.#now();
    this.#say(describeProgress(progress).join("  "));
  }

  notice(notice: Notice): void {
    this.#say(describeNotice(notice));
  }

  ended(ending: Ending): void {
    this.#say(describeEnding(ending));
  }

  stop(): void {}

  #say(line: string): void {
    this.#write(`${line}\n`);
  }
}

function stepOf(percent: number): number {
  return Math.floor(percent / STEP_PERCENT);
}
