import { basename } from "node:path";
import type { Progress } from "../../lib/index.ts";
import { printable } from "./printable.ts";
import { renderBlock } from "./progress-block.ts";
import type { Paint, RegionPicture } from "./region-picture.ts";
import type { Ending, Notice, Opened, Reporter } from "./reporter.ts";
import { describeEnding, describeNotice, describeOpened } from "./sentences.ts";

/** What is needed of a terminal. */
export interface Screen {
  readonly columns: number;
  write(text: string): void;
}

/** A few lines at the bottom of the terminal that are drawn again and again in place. */
export class TerminalReporter implements Reporter {
  readonly intervalMs = 100;
  readonly #screen: Screen;
  readonly #paint: Paint;
  #name = "";
  #picture: RegionPicture | undefined;
  #note = "";
  #drawnLines = 0;

  constructor(screen: Screen, paint: Paint) {
    this.#screen = screen;
    this.#paint = paint;
  }

  opened(opened: Opened): void {
    this.#name = printable(basename(opened.file));
    this.#picture = opened.picture;
    this.#say(describeOpened(opened));
  }

  progress(progress: Progress): void {
    const picture = this.#picture;
    if (picture === undefined) return;
    const cells = (count: number): ReturnType<RegionPicture["cells"]> => picture.cells(count);
    const state = { name: this.#name, progress, cells, note: this.#note };
    const lines = renderBlock(state, this.#screen.columns, this.#paint);
    // Each line is cleared as it is drawn: clearing them all first would flicker.
    const drawn = lines.map((line) => `${line}\x1b[K\n`).join("");
    this.#screen.write(`${this.#toTop()}${drawn}\x1b[J`);
    this.#drawnLines = lines.length;
  }

  notice(notice: Notice): void {
    this.#note = describeNotice(notice);
  }

  ended(ending: Ending): void {
    this.stop();
    this.#say(describeEnding(ending));
  }

  /** What was drawn last stays, and what follows is written below it. */
  stop(): void {
    this.#drawnLines = 0;
  }

  /** A line above the block, which goes and is drawn anew below it. */
  #say(line: string): void {
    this.#screen.write(`${this.#toTop()}\x1b[J${line}\n`);
    this.#drawnLines = 0;
  }

  #toTop(): string {
    return this.#drawnLines === 0 ? "" : `\x1b[${this.#drawnLines}A`;
  }
}
