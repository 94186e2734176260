import { createInterface, type Interface } from "node:readline";
import { Interrupted, type Interruption } from "../interruption.ts";
import { runEntry } from "./entries.ts";
import { type Entry, Script } from "./script.ts";
import type { SqlSession } from "./session.ts";

const PROMPT = "headwater> ";
const PENDING_PROMPT = "      ...> ";

export interface PromptOptions {
  readonly session: SqlSession;
  readonly interruption: Interruption;
  /** Told of what went wrong; the prompt goes on. */
  readonly failed: (error: unknown) => void;
}

/** Takes statements from a terminal, line by line, until it is left. */
export async function runPrompt(options: PromptOptions): Promise<void> {
  const { stdin, stdout, stderr } = process;
  const output = stdout.isTTY ? stdout : stderr;
  const lines = createInterface({ input: stdin, output, historySize: 1000, terminal: true });
  const echo = (text: string): void => void output.write(text);
  const prompt = new Prompt(lines, echo, options);
  try {
    await options.interruption.orElse(prompt.ended);
  } finally {
    lines.close();
  }
}

class Prompt {
  /** Resolves when it is left, by a command, by Ctrl-D or by Ctrl-C twice. */
  readonly ended: Promise<void>;
  readonly #lines: Interface;
  readonly #echo: (text: string) => void;
  readonly #options: PromptOptions;
  readonly #script = new Script();
  readonly #entered: string[] = [];
  /** Ends what runs now; undefined while nothing does. */
  #running: AbortController | undefined;
  #isLeaving = false;
  #end: () => void = () => {};

  constructor(lines: Interface, echo: (text: string) => void, options: PromptOptions) {
    this.#lines = lines;
    this.#echo = echo;
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    lines.on("line", (line) => {
      this.#entered.push(line);
      this.#isLeaving = false;
      if (this.#running === undefined) void this.#runAll();
    });
    lines.on("SIGINT", () => this.#interrupted());
    lines.on("close", () => this.#end());
    this.#ask();
  }

  #interrupted(): void {
    if (this.#running?.signal.aborted || this.#isLeaving) {
      this.#end();
      return;
    }
    if (this.#running !== undefined) {
      this.#running.abort(new Interrupted("SIGINT"));
      return;
    }
    const wasEmpty = this.#lines.line === "" && !this.#script.isPending;
    this.#script.reset();
    for (const name of ["e", "u"]) this.#lines.write(null, { ctrl: true, name }); // empties the line
    this.#echo("^C\n");
    this.#isLeaving = wasEmpty;
    if (wasEmpty) this.#options.session.note("Ctrl-C once more, Ctrl-D or .quit leaves");
    this.#ask();
  }

  async #runAll(): Promise<void> {
    let isOver = false;
    for (let line = this.#entered.shift(); line !== undefined; line = this.#entered.shift()) {
      for (const entry of this.#script.push(line)) isOver ||= !(await this.#run(entry));
      if (isOver) break;
    }
    this.#running = undefined;
    if (isOver) this.#end();
    else this.#ask();
  }

  /** Whether to go on. */
  async #run(entry: Entry): Promise<boolean> {
    const { session, interruption, failed } = this.#options;
    const running = new AbortController();
    this.#running = running;
    const signal = AbortSignal.any([running.signal, interruption.signal]);
    try {
      return await runEntry(session, entry, { signal });
    } catch (error) {
      if (interruption.signal.aborted) return false;
      if (!running.signal.aborted) failed(error);
      else {
        session.note("interrupted");
        this.#forget();
      }
      return true;
    }
  }

  /** What was entered meanwhile counted on what has been interrupted. */
  #forget(): void {
    this.#entered.length = 0;
    this.#script.reset();
  }

  #ask(): void {
    this.#lines.setPrompt(this.#script.isPending ? PENDING_PROMPT : PROMPT);
    this.#lines.prompt();
  }
}
