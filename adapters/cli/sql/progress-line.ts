import type { Clone, Progress } from "../../hydrate.ts";
import { fit } from "../printable.ts";
import { describeProgress } from "../progress-block.ts";
import type { Screen } from "../terminal-reporter.ts";

/** How often the rate is measured, and the line is drawn. */
const INTERVAL_MS = 200;

/** What is answered sooner shows no line. */
const PATIENCE_MS = 400;

/** Knows how much is here, and says so in one line of the terminal while somebody waits. */
export class ProgressLine {
  readonly #clone: Clone | undefined;
  readonly #screen: Screen | undefined;
  #latest: Progress | undefined;
  #timer: NodeJS.Timeout | undefined;
  #since = 0;
  #isDrawn = false;
  #doing = "";

  /** @param screen undefined where no line is wanted. */
  constructor(clone: Clone | undefined, screen: Screen | undefined) {
    this.#clone = clone;
    this.#screen = screen;
  }

  /** Follows the clone until the signal is aborted or everything is here. */
  async watch(signal: AbortSignal): Promise<void> {
    try {
      const steps = this.#clone?.progress({ intervalMs: INTERVAL_MS, signal }) ?? [];
      for await (const progress of steps) this.#latest = progress;
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** As of now. Undefined where everything was here from the beginning. */
  get latest(): Progress | undefined {
    return this.#latest;
  }

  /** Somebody waits from now on. */
  begin(): void {
    if (this.#screen === undefined || this.#clone === undefined) return;
    this.#since = performance.now();
    this.#timer ??= setInterval(() => this.#draw(), INTERVAL_MS).unref();
  }

  /** What is being done, where there is something to say of it. */
  say(doing: string): void {
    this.#doing = doing;
  }

  /** Before anything else is written. The line comes back if it takes long again. */
  clear(): void {
    this.#since = performance.now();
    if (this.#isDrawn) this.#screen?.write("\r\x1b[K");
    this.#isDrawn = false;
  }

  end(): void {
    this.clear();
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#doing = "";
  }

  #draw(): void {
    const screen = this.#screen;
    const progress = this.#latest;
    if (screen === undefined || progress === undefined) return;
    if (performance.now() - this.#since < PATIENCE_MS) return;
    const fields = describeProgress(progress).filter((field) => !field.endsWith(" left"));
    if (this.#doing !== "") fields.unshift(this.#doing);
    // One column short of the edge, where some terminals wrap.
    screen.write(`\r${fit(fields.join("  "), screen.columns - 1)}\x1b[K`);
    this.#isDrawn = true;
  }
}
