/** One thing to do: a statement, or a command that begins with a dot, in its words. */
export type Entry =
  | { readonly kind: "statement"; readonly sql: string }
  | { readonly kind: "command"; readonly name: string; readonly words: readonly string[] };

/** Where one is in a text. A trigger's statements end within it, so it ends with `end;` only. */
type State = "start" | "statement" | "explain" | "create" | "trigger" | "inner" | "end";

type Word = "explain" | "create" | "temp" | "trigger" | "end" | "other";

const NEXT: Readonly<Record<State, Readonly<Partial<Record<Word, State>> & { other: State }>>> = {
  start: { explain: "explain", create: "create", other: "statement" },
  statement: { other: "statement" },
  explain: { create: "create", other: "explain" },
  create: { temp: "create", trigger: "trigger", other: "statement" },
  trigger: { other: "trigger" },
  inner: { end: "end", other: "trigger" },
  end: { other: "trigger" },
};

const WORDS: Readonly<Record<string, Word>> = {
  explain: "explain",
  create: "create",
  temp: "temp",
  temporary: "temp",
  trigger: "trigger",
  end: "end",
};

/** The end of a statement, what means nothing, what is quoted, a word, or another character. */
const TOKEN: RegExp =
  /(;)|([ \t\n\r\f]+|--[^\n]*\n|\/\*.*?\*\/)|('[^']*'|"[^"]*"|`[^`]*`|\[[^\]]*\])|([\w$\u0080-\uffff]+)|./sy;

/** What may go on where the text ends in the midst of it. */
const OPENING = /^(?:['"`[]|--|\/\*)/;

/** Takes a script apart: statements end with a semicolon, dot commands with their line. */
export class Script {
  #text = "";
  /** Up to here it was looked at. */
  #at = 0;
  #state: State = "start";

  /** Whether a statement was begun and not ended. */
  get isPending(): boolean {
    return this.#state !== "start" || OPENING.test(this.#text.slice(this.#at));
  }

  /** What is complete with this line, which comes without its end. */
  *push(line: string): Generator<Entry, void, undefined> {
    if (!this.isPending) {
      this.#clear(); // only comments were there
      const command = parseCommand(line);
      if (command !== undefined) {
        yield command;
        return;
      }
    }
    this.#text += `${line}\n`;
    yield* this.#statements();
  }

  /** What is left at the end of the script: a statement without its semicolon. */
  *finish(): Generator<Entry, void, undefined> {
    const sql = this.#text.trim();
    if (this.isPending && sql !== "") yield { kind: "statement", sql };
    this.#clear();
  }

  /** Forgets what was begun. */
  reset(): void {
    this.#clear();
  }

  *#statements(): Generator<Entry, void, undefined> {
    while (true) {
      TOKEN.lastIndex = this.#at;
      const found = TOKEN.exec(this.#text);
      if (found === null) return;
      const [token, semicolon, nothing, quoted, word] = found;
      const isCut = quoted === undefined && nothing === undefined;
      if (isCut && OPENING.test(this.#text.slice(this.#at, this.#at + 2))) return;
      this.#at += token.length;
      if (nothing !== undefined) continue;
      if (semicolon === undefined) this.#state = next(this.#state, wordOf(word));
      else if (["trigger", "inner"].includes(this.#state)) this.#state = "inner";
      else {
        const sql = this.#text.slice(0, this.#at).trim();
        const isEmpty = this.#state === "start";
        this.#text = this.#text.slice(this.#at);
        this.#at = 0;
        this.#state = "start";
        if (!isEmpty) yield { kind: "statement", sql };
      }
    }
  }

  #clear(): void {
    this.#text = "";
    this.#at = 0;
    this.#state = "start";
  }
}

/** All that a text asks for, the last statement with or without its semicolon. */
export function* entriesOf(text: string): Generator<Entry, void, undefined> {
  const script = new Script();
  for (const line of text.split(/\r?\n/)) yield* script.push(line);
  yield* script.finish();
}

function next(state: State, word: Word): State {
  const moves = NEXT[state];
  return moves[word] ?? moves.other;
}

function wordOf(text: string | undefined): Word {
  return (text !== undefined && WORDS[text.toLowerCase()]) || "other";
}

function parseCommand(line: string): Entry | undefined {
  const [, name = "", rest = ""] = /^\s*\.([a-z]+)(?:\s+(.*))?$/is.exec(line) ?? [];
  if (name === "") return undefined;
  const words = rest.match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
  const bare = words.map((word) => word.replace(/^(["'])(.*)\1;?$/s, "$2").replace(/;$/, ""));
  return { kind: "command", name: name.toLowerCase(), words: bare };
}
