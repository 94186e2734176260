import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CsvRows } from "../adapters/cli/sql/csv-rows.ts";
import { JsonRows } from "../adapters/cli/sql/json-rows.ts";
import type { RowWriter, WriteText } from "../adapters/cli/sql/row-writer.ts";
import { TableRows, type TableStyle } from "../adapters/cli/sql/table-rows.ts";
import type { SqlValue } from "../adapters/sqlite/index.ts";

const test = suite("rows as text");

const NAMES = ["n", "text", "text"];
const ROWS: readonly (readonly SqlValue[])[] = [
  [1, "one", null],
  [-2.5, 'a,"b"\r\nc', ""],
  [2n ** 62n, "zwölf 日本", new Uint8Array([0, 255])],
];

/** What a writer makes of rows that come in two batches. */
async function written(
  make: (write: WriteText) => RowWriter,
  names: readonly string[] = NAMES,
  rows: readonly (readonly SqlValue[])[] = ROWS,
): Promise<string> {
  let text = "";
  const writer = make(async (more) => {
    text += more;
    return true;
  });
  writer.begin(names);
  await writer.write(rows.slice(0, 1));
  await writer.write(rows.slice(1));
  await writer.end();
  return text;
}

const table = (style: Partial<TableStyle>) => (write: WriteText) =>
  new TableRows(write, { box: false, columns: undefined, dim: (text) => text, ...style });

test("JSON keeps every value, and columns of one name apart", async () => {
  const text = await written((write) => new JsonRows(write));
  const rows = text.trimEnd().split("\n");
  assert.equal(rows[0], '{"n":1,"text":"one","text:1":null}');
  assert.equal(JSON.parse(rows[1] ?? ""), { n: -2.5, text: 'a,"b"\r\nc', "text:1": "" });
  assert.equal(rows[2], '{"n":"4611686018427387904","text":"zwölf 日本","text:1":"00ff"}');
});

test("JSON has no character that a terminal obeys, and reads back as what it was", async () => {
  const values = ["\x1b[2J", "\u009b2J", "\u202egpj.exe", "\u{e0041}", Infinity, -Infinity];
  const names = values.map((_, index) => `v${index}`);
  const text = await written((write) => new JsonRows(write), names, [values]);
  assert.match(text.trimEnd(), /^[\x20-\x7e]+$/);
  assert.equal(Object.values(JSON.parse(text)), values);
});

test("CSV is as RFC 4180 has it, and tells NULL from empty text", async () => {
  const text = await written((write) => new CsvRows(write));
  assert.is(
    text,
    'n,text,text\r\n1,one,\r\n-2.5,"a,""b""\r\nc",""\r\n4611686018427387904,zwölf 日本,00ff\r\n',
  );
  assert.is(await written((write) => new CsvRows(write), ["a", 'b"'], []), 'a,"b"""\r\n');
});

test("columns are aligned, however wide their characters are", async () => {
  assert.equal((await written(table({}))).split("\n"), [
    "n                    text              text",
    "-------------------  ----------------  -------",
    "                  1  one               NULL",
    '               -2.5  a,"b"\\u{d}\\u{a}c',
    "4611686018427387904  zwölf 日本        x'00ff'",
    "",
  ]);
});

test("a box fits in its terminal, and shows where something is cut", async () => {
  const text = await written(table({ box: true, columns: 47, dim: (text) => `<${text}>` }));
  assert.equal(text.split("\n"), [
    "┌─────────────────────┬─────────────┬─────────┐",
    "│ n                   │ text        │ text    │",
    "├─────────────────────┼─────────────┼─────────┤",
    "│                   1 │ one         │ <NULL>    │",
    '│                -2.5 │ a,"b"\\u{d}… │         │',
    "│ 4611686018427387904 │ zwölf 日本  │ x'00ff' │",
    "└─────────────────────┴─────────────┴─────────┘",
    "",
  ]);
});

test("a table without rows shows its columns", async () => {
  assert.is(await written(table({}), ["a", "bb"], []), "a  bb\n-  --\n");
});

test("a long result is measured by its beginning, and is written as it comes", async () => {
  const pieces: string[] = [];
  const writer = table({})(async (text) => pieces.push(text) > 0);
  writer.begin(["word"]);
  await writer.write(Array.from({ length: 1000 }, () => ["short"]));
  assert.is(pieces.length, 1);
  await writer.write([["longer than it was thought"], ["x".repeat(100_000)]]);
  await writer.end();
  assert.match(pieces[1] ?? "", /^longer than it was thought\nx{100000}\n$/);
});

test.run();
