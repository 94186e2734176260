import type { HeadwaterError } from "../../../lib/index.ts";
import { corruptPage } from "./corrupt.ts";
import { isContentPage } from "./layout.ts";
import type { PageReader } from "./page-reader.ts";
import type { PageReadOptions } from "./read-pages.ts";
import { decodeRecord, type RecordValue } from "./record.ts";
import { hasBTree, SCHEMA_ROOT, Schema, type SchemaKind, type SchemaObject } from "./schema.ts";
import { moduleOf, saysWithoutRowid } from "./schema-sql.ts";
import { readTableRows, type TableRow } from "./table-rows.ts";

/** No real schema comes near: this is what a hostile one can take of memory. */
const MAX_SCHEMA_SIZE = 256 * 2 ** 20;
/** type, name, tbl_name, rootpage, sql: section 2.6 of the file format. */
const COLUMN_COUNT = 5;

/**
 * Reads the schema, with every page of its b-tree and their overflow pages.
 *
 * @throws {HeadwaterError} `CORRUPT` when it is none, has more than 256 MiB, or names a root page
 *   that cannot be one.
 */
export async function readSchema(
  reader: PageReader,
  options: PageReadOptions = {},
): Promise<Schema> {
  const rows = await readTableRows(reader, SCHEMA_ROOT, MAX_SCHEMA_SIZE, options);
  return new Schema(rows.map((row) => parseRow(reader, row)));
}

function parseRow(reader: PageReader, row: TableRow): SchemaObject {
  const fail = (problem: string): HeadwaterError =>
    corruptPage(reader.header.pageSize, row.pgno, row.at, `a row of the schema: ${problem}`);
  const { encoding } = reader.header;
  const [type, name, table, root, sql] = decodeRecord(row.bytes, encoding, COLUMN_COUNT, fail);
  if (typeof name !== "string" || typeof table !== "string") throw fail("it has no name");
  const text = typeof sql === "string" ? sql : undefined;
  const kind = kindOf(type, root, text);
  if (kind === undefined) throw fail(`${name} is of type ${type}`);
  if (!hasBTree(kind)) {
    const module = kind === "virtual" ? moduleOf(text ?? "") : undefined;
    return { kind, name, table, rootPage: 0, sql: text, module };
  }
  if (typeof root !== "number" || root === SCHEMA_ROOT || !isContentPage(reader, root)) {
    throw fail(`the root of ${name} is page ${root}, of ${reader.pageCount}`);
  }
  return { kind, name, table, rootPage: root, sql: text, module: undefined };
}

function kindOf(
  type: RecordValue | undefined,
  root: RecordValue | undefined,
  sql: string | undefined,
): SchemaKind | undefined {
  if (type === "view" || type === "trigger") return type;
  if (type === "index") return sql === undefined ? "autoindex" : "index";
  if (type !== "table") return undefined;
  if (root === 0 || root === null) return "virtual";
  return saysWithoutRowid(sql ?? "") ? "without-rowid" : "table";
}
