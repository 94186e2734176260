/** Comments, quoted names and texts (where a quote stands twice, two of them), words, the rest. */
const TOKEN =
  /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|"[^"]*"|'[^']*'|`[^`]*`|\[[^\]]*\]|[\w$\u0080-\uffff]+|\S/g;

/** The parts of a statement without its comments. Words are in lower case, quotes are kept. */
function* tokensOf(sql: string): Generator<string, void, undefined> {
  for (const [token] of sql.matchAll(TOKEN)) {
    if (!token.startsWith("--") && !token.startsWith("/*")) yield token.toLowerCase();
  }
}

/** Whether a CREATE TABLE says so: among the options behind the last parenthesis. */
export function saysWithoutRowid(sql: string): boolean {
  let options: string[] = [];
  for (const token of tokensOf(sql)) {
    if (token === ")") options = [];
    else options.push(token);
  }
  return options.some((token, index) => token === "without" && options[index + 1] === "rowid");
}

/**
 * The module of a virtual table, in lower case: of CREATE VIRTUAL TABLE name USING module(…), as
 * SQLite stores it. Undefined where it is something else.
 */
export function moduleOf(sql: string): string | undefined {
  let before = "";
  for (const token of tokensOf(sql)) {
    if (before === "using") return /^["'`[]/.test(token) ? token.slice(1, -1) : token;
    before = token;
  }
  return undefined;
}
