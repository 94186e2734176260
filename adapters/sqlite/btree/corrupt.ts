import { HeadwaterError } from "../../../lib/index.ts";

/**
 * Bytes that cannot be of an SQLite database.
 *
 * @param at where in the page. The error's `offset` is where in the database.
 */
export function corruptPage(
  pageSize: number,
  pgno: number,
  at: number,
  message: string,
): HeadwaterError {
  const offset = (pgno - 1) * pageSize + at;
  return new HeadwaterError("CORRUPT", `page ${pgno}, at ${at} of ${pageSize}: ${message}`, {
    offset,
  });
}
