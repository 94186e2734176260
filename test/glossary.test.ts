import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("glossary");

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** Everything below a folder, as one text. */
function textOf(folder: string, end: string): string {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(end) && path !== "glossary.md")
    .map((path) => read(join(folder, path)))
    .join("\n");
}

const glossary = read("docs/glossary.md");
const rows = [...glossary.matchAll(/^\| (.+?) \| (.+) \|$/gm)]
  .map(([, word = "", meaning = ""]) => ({ word, meaning }))
  .filter(({ word }) => word !== "word" && word !== "---");
const quoted = [...glossary.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);
const types = textOf("dist/lib", ".d.ts") + textOf("dist/adapters", ".d.ts");
const status = read("lib/status.ts");

test("each word stands there once, with one sentence", () => {
  assert.ok(rows.length > 50, `${rows.length} words`);
  const words = rows.map(({ word }) => word);
  assert.equal(
    words.filter((word, index) => words.indexOf(word) !== index),
    [],
  );
  const wrong = rows.filter(({ meaning }) => !/^[A-Z`][^.]*(?:\.\w[^.]*)*\.$/.test(meaning));
  assert.equal(wrong, []);
});

test("each name that is quoted is one of the package's", () => {
  const unknown = quoted.filter((name) => {
    const word = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    return !name.startsWith("<file>") && !new RegExp(`(?<![\\w-])${word}(?![\\w-])`).test(types);
  });
  assert.equal(unknown, []);
});

test("each mode, state and event of a clone is among them", () => {
  const literals = ["CloneMode", "HydrationState"].flatMap((type) => {
    const [, values = ""] = new RegExp(`export type ${type} = ([^;]+);`).exec(status) ?? [];
    return [...values.matchAll(/"([\w-]+)"/g)].map(([, value = ""]) => value);
  });
  const [, body = ""] = /export interface CloneEvents \{([\s\S]*?)\n\}/.exec(status) ?? [];
  const events = [...body.matchAll(/^ {2}(\w+): \[/gm)].map(([, event = ""]) => event);
  assert.ok(literals.length > 6 && events.length > 6, `${literals.length}, ${events.length}`);
  assert.equal(
    [...literals, ...events].filter((name) => !quoted.includes(name)),
    [],
  );
});

test("no word is there that is used nowhere else", () => {
  const house = [read("README.md"), textOf("docs", ".md"), textOf("lib", ".ts")];
  const text = [...house, textOf("adapters", ".ts")].join("\n").toLowerCase();
  // As words, however the lines are broken, and as one name: `hydrationThreshold`.
  const spaced = text.replace(/\s*\n\s*(?:\*|\/\/)?\s*/g, " ");
  const isUsed = (word: string): boolean =>
    spaced.includes(word) || spaced.includes(word.replaceAll(" ", ""));
  assert.equal(
    rows.map(({ word }) => word).filter((word) => !isUsed(word)),
    [],
  );
});

test.run();
