/** What can be told of SQL without compiling it, where a driver does not tell it. */
export interface SqlText {
  /** Of each parameter by its place, from 1: its name, prefix and all; null for a `?`. */
  readonly parameters: readonly (string | null)[];
  /** Whether there is no statement in it. */
  readonly isEmpty: boolean;
  /** In small letters; empty where it does not begin with one. */
  readonly firstWord: string;
  /** All words in small letters: keywords, functions and names that are not quoted. */
  readonly words: ReadonlySet<string>;
  /** Whether there is a `*`, as there is where a result has all columns of a table. */
  readonly hasStar: boolean;
  /** Whether anything but comments follows the first statement. */
  readonly hasMore: boolean;
}

/** The tokens of SQLite (sqlite.org/src/file/src/tokenize.c), as far as they make a difference. */
const TOKEN = new RegExp(
  [
    /(?<space>[ \t\n\f\r]+|--[^\n]*|\/\*.*?(?:\*\/|$))/,
    /(?<quoted>'[^']*(?:''[^']*)*'?|"[^"]*(?:""[^"]*)*"?|`[^`]*(?:``[^`]*)*`?|\[[^\]]*\]?)/,
    /(?<variable>\?\d*|[:@#$](?:[\w$\u0080-\uffff]|::)+)/,
    /(?<word>[\w$\u0080-\uffff]+)/,
    /./,
  ]
    .map(({ source }) => source)
    .join("|"),
  "gsy",
);

/** Where in a trigger one is: its statements end with semicolons too, and it with `end`. */
type Place = "statement" | "trigger" | "semicolon" | "end" | "more";

export function readSql(sql: string): SqlText {
  const parameters = new Parameters();
  const words = new Set<string>();
  const first: string[] = [];
  let hasStar = false;
  let place: Place = "statement";
  for (const { 0: token, groups = {} } of sql.matchAll(TOKEN)) {
    if (groups.space !== undefined) continue;
    if (token === ";" && first.length === 0) continue;
    if (place === "more") {
      if (token !== ";") return result(parameters, first, words, hasStar, true);
      continue;
    }
    const word = groups.word?.toLowerCase() ?? "";
    if (groups.variable !== undefined) parameters.add(token);
    if (word !== "") words.add(word);
    if (first.length < 4) first.push(word);
    if (token === "*") hasStar = true;
    place = next(place, token, word, first);
  }
  return result(parameters, first, words, hasStar, false);
}

function result(
  parameters: Parameters,
  first: readonly string[],
  words: ReadonlySet<string>,
  hasStar: boolean,
  hasMore: boolean,
): SqlText {
  const [firstWord = ""] = first;
  const isEmpty = first.length === 0;
  return { parameters: parameters.names, isEmpty, firstWord, words, hasStar, hasMore };
}

function next(place: Place, token: string, word: string, first: readonly string[]): Place {
  if (place === "statement") {
    if (token === ";") return "more";
    return isTrigger(first) ? "trigger" : "statement";
  }
  if (token === ";") return place === "end" ? "more" : "semicolon";
  return place === "semicolon" && word === "end" ? "end" : "trigger";
}

function isTrigger(first: readonly string[]): boolean {
  const [create, ...rest] = first[0] === "explain" ? first.slice(1) : first;
  if (create !== "create") return false;
  return rest[0] === "trigger" || (/^temp(orary)?$/.test(rest[0] ?? "") && rest[1] === "trigger");
}

/** The places of parameters, as SQLite gives them out. */
class Parameters {
  readonly names: (string | null)[] = [];

  add(token: string): void {
    if (token === "?") {
      this.names.push(null);
    } else if (token.startsWith("?")) {
      const place = Number(token.slice(1));
      while (this.names.length < place) this.names.push(null);
      if (place > 0) this.names[place - 1] = token;
    } else if (!this.names.includes(token)) this.names.push(token);
  }
}
