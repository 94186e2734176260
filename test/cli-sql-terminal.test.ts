import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MAIN } from "./cli-command.ts";
import { ROWS, serveDatabase } from "./cli-sql-database.ts";
import { findProgram } from "./programs.ts";

const test = suite("headwater sql on a terminal");

/** The command on a pseudo terminal, where somebody types. */
class Terminal {
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  #shown = "";
  #seen = 0;

  /** @param program that makes a pseudo terminal. */
  constructor(program: string, cwd: string, args: readonly string[]) {
    const line = args.map((arg) => `'${arg}'`).join(" ");
    const command = `stty cols 60; '${process.execPath}' '${MAIN}' sql ${line}`;
    const { NO_COLOR: _, FORCE_COLOR: __, CI: ___, ...rest } = process.env;
    this.#child = spawn(program, ["-qefc", command, "/dev/null"], {
      cwd,
      env: { ...rest, TERM: "xterm", SHELL: "/bin/sh" },
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child.stdout?.on("data", (piece: Buffer) => {
      this.#shown += piece;
    });
    this.ended = once(this.#child, "close").then(([code]) => code as number | null);
  }

  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Resolves once this is shown after what was waited for before. */
  async until(pattern: RegExp): Promise<void> {
    while (true) {
      const found = pattern.exec(this.#shown.slice(this.#seen));
      if (found !== null) {
        this.#seen += found.index + found[0].length;
        return;
      }
      const { stdout, exitCode } = this.#child;
      if (exitCode !== null || stdout === null) {
        throw new Error(`it ended without ${pattern}: ${this.#shown.slice(this.#seen)}`);
      }
      await Promise.race([once(stdout, "data"), this.ended]);
    }
  }
}

const PROMPT = /headwater> /;
const ENDLESS =
  "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n;\r";

/** Types at a prompt, with a database on a server. */
function testTyping(
  name: string,
  args: readonly string[],
  work: (terminal: Terminal) => Promise<void>,
): void {
  test(name, async () => {
    const script = findProgram("script");
    await using at = script === undefined ? undefined : await serveDatabase();
    if (script === undefined || at === undefined) return;
    const terminal = new Terminal(script, at.folder, [at.served.url, ...args]);
    await terminal.until(PROMPT);
    await work(terminal);
  });
}

testTyping("a prompt takes statements over several lines, and commands", [], async (terminal) => {
  terminal.type("select id, title\r");
  await terminal.until(/\.\.\.> /);
  terminal.type("from song limit 1;\r");
  await terminal.until(/┌────┬────────┐\r\n│ id │ title {2}│\r\n├────┼────────┤\r\n/);
  await terminal.until(/│ {2}1 │ song 1 │\r\n└────┴────────┘\r\n/);
  await terminal.until(/1 row in .*; \d+ requests?, .*KiB/);
  terminal.type(".status\r");
  await terminal.until(/file {7}none: a temporary copy(?:.|\s)*hydration {2}off/);
  terminal.type(".hydrate song_title\r");
  await terminal.until(/song_title is here/);
  terminal.type("selekt;\r");
  await terminal.until(/headwater: near "selekt": syntax error\.\r\n/);
  terminal.type("\x1b[A\x1b[A\r"); // what was typed before the last
  await terminal.until(/song_title is here/);
  terminal.type(".quit\r");
  assert.is(await terminal.ended, 0);
});

testTyping("Ctrl-C ends what runs, then what is typed, then the prompt", [], async (terminal) => {
  terminal.type(ENDLESS);
  await terminal.until(/% {2}.*request/); // how far it is, while somebody waits
  terminal.type("\x03");
  await terminal.until(/interrupted\r\n/);
  await terminal.until(PROMPT);
  terminal.type("select 'not this',\r");
  await terminal.until(/\.\.\.> /);
  terminal.type("\x03");
  await terminal.until(PROMPT);
  terminal.type("select 6 * 7;\r");
  await terminal.until(/│ {4}42 │/);
  await terminal.until(PROMPT);
  terminal.type("\x03");
  await terminal.until(/Ctrl-C once more/);
  await terminal.until(PROMPT);
  terminal.type("\x03");
  assert.is(await terminal.ended, 0);
});

testTyping("Ctrl-C twice leaves also what runs", [], async (terminal) => {
  terminal.type(ENDLESS);
  await terminal.until(/% {2}.*request/);
  terminal.type("\x03\x03");
  assert.is(await terminal.ended, 0);
});

testTyping("with a file it says how much is here at the end", ["copy.db"], async (terminal) => {
  terminal.type("select count(*) from song;\r");
  await terminal.until(new RegExp(`│ +${ROWS} │`));
  terminal.type(".hydrate\r");
  await terminal.until(/everything is here/);
  await terminal.until(PROMPT);
  terminal.type("\x04");
  await terminal.until(/copy\.db: .*, 100\.0 % is here; a file for any SQLite/);
  assert.is(await terminal.ended, 0);
});

test.run();
