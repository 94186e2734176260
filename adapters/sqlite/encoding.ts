import { SQLITE } from "./between/result-codes.ts";
import { SqliteError } from "./between/sqlite-error.ts";
import { DATABASE_HEADER_SIZE, parseDatabaseHeader } from "./btree/index.ts";
import type { PageOwner } from "./page-owner.ts";

/**
 * SQLite in WebAssembly is built without UTF-16. What cannot be read is left to the first query.
 *
 * @throws {SqliteError} `SQLITE_CANTOPEN` when the database's text is in UTF-16.
 */
export async function checkEncoding(owner: PageOwner, signal: AbortSignal): Promise<void> {
  const encoding = await readEncoding(owner, signal).catch(() => "utf-8");
  if (encoding === "utf-8") return;
  const message =
    `the database's text is in ${encoding}, which a native driver reads only: fetch the whole with ` +
    "hydrate, then open it with better-sqlite3 installed, or on a Node that has node:sqlite";
  throw new SqliteError(SQLITE.CANTOPEN, message);
}

async function readEncoding(owner: PageOwner, signal: AbortSignal): Promise<string> {
  const bytes = await owner.read(0, Math.min(DATABASE_HEADER_SIZE, owner.size), signal);
  return parseDatabaseHeader(bytes).encoding;
}
