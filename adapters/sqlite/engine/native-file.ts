import { closeSync, openSync, readSync } from "node:fs";

/** Where a database file says in which mode it is read; 2 is with a log. */
const READ_MODE_OFFSET = 19;
const LOG_MODE = 2;

/**
 * @throws where the header says that the database has a log: a driver that opens it for reading
 *   makes one beside it, and cannot remove it in the end.
 */
export function checkNoLog(file: string): void {
  const mode = new Uint8Array(1);
  const fd = openSync(file, "r");
  try {
    readSync(fd, mode, 0, mode.length, READ_MODE_OFFSET);
  } finally {
    closeSync(fd);
  }
  if (mode[0] !== LOG_MODE) return;
  throw new Error(
    "a native driver would leave a log beside a database in WAL mode that is only read",
  );
}
