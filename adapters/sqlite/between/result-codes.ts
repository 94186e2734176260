/** Result codes of SQLite that this adapter gives or looks at (sqlite.org/rescode.html). */
export const SQLITE = {
  OK: 0,
  ERROR: 1,
  BUSY: 5,
  READONLY: 8,
  INTERRUPT: 9,
  IOERR: 10,
  CORRUPT: 11,
  NOTFOUND: 12,
  FULL: 13,
  CANTOPEN: 14,
  MISUSE: 21,
  NOTADB: 26,
  ROW: 100,
  DONE: 101,
  IOERR_READ: 266,
  IOERR_SHORT_READ: 522,
  IOERR_WRITE: 778,
  IOERR_FSYNC: 1034,
  IOERR_TRUNCATE: 1546,
  IOERR_FSTAT: 1802,
  IOERR_DELETE: 2570,
  IOERR_ACCESS: 3338,
} as const;

/** The lowest eight bits of an extended code are its primary code. */
const PRIMARY = 0xff;

const PRIMARY_NAMES: Readonly<Record<number, string>> = {
  1: "SQLITE_ERROR",
  2: "SQLITE_INTERNAL",
  3: "SQLITE_PERM",
  4: "SQLITE_ABORT",
  5: "SQLITE_BUSY",
  6: "SQLITE_LOCKED",
  7: "SQLITE_NOMEM",
  8: "SQLITE_READONLY",
  9: "SQLITE_INTERRUPT",
  10: "SQLITE_IOERR",
  11: "SQLITE_CORRUPT",
  12: "SQLITE_NOTFOUND",
  13: "SQLITE_FULL",
  14: "SQLITE_CANTOPEN",
  15: "SQLITE_PROTOCOL",
  16: "SQLITE_EMPTY",
  17: "SQLITE_SCHEMA",
  18: "SQLITE_TOOBIG",
  19: "SQLITE_CONSTRAINT",
  20: "SQLITE_MISMATCH",
  21: "SQLITE_MISUSE",
  22: "SQLITE_NOLFS",
  23: "SQLITE_AUTH",
  24: "SQLITE_FORMAT",
  25: "SQLITE_RANGE",
  26: "SQLITE_NOTADB",
};

/** By primary code, the names of its extended codes from 1 on, without the primary name. */
const EXTENDED_NAMES: Readonly<Record<number, readonly string[]>> = {
  1: ["MISSING_COLLSEQ", "RETRY", "SNAPSHOT", "RESERVESIZE", "KEY", "UNABLE"],
  4: ["", "ROLLBACK"],
  5: ["RECOVERY", "SNAPSHOT", "TIMEOUT"],
  6: ["SHAREDCACHE", "VTAB"],
  8: ["RECOVERY", "CANTLOCK", "ROLLBACK", "DBMOVED", "CANTINIT", "DIRECTORY"],
  10: [
    ...["READ", "SHORT_READ", "WRITE", "FSYNC", "DIR_FSYNC", "TRUNCATE", "FSTAT", "UNLOCK"],
    ...["RDLOCK", "DELETE", "BLOCKED", "NOMEM", "ACCESS", "CHECKRESERVEDLOCK", "LOCK", "CLOSE"],
    ...["DIR_CLOSE", "SHMOPEN", "SHMSIZE", "SHMLOCK", "SHMMAP", "SEEK", "DELETE_NOENT", "MMAP"],
    ...["GETTEMPPATH", "CONVPATH", "VNODE", "AUTH", "BEGIN_ATOMIC", "COMMIT_ATOMIC"],
    ...["ROLLBACK_ATOMIC", "DATA", "CORRUPTFS", "IN_PAGE"],
  ],
  11: ["VTAB", "SEQUENCE", "INDEX"],
  14: ["NOTEMPDIR", "ISDIR", "FULLPATH", "CONVPATH", "DIRTYWAL", "SYMLINK"],
  19: [
    ...["CHECK", "COMMITHOOK", "FOREIGNKEY", "FUNCTION", "NOTNULL", "PRIMARYKEY", "TRIGGER"],
    ...["UNIQUE", "VTAB", "ROWID", "PINNED", "DATATYPE"],
  ],
  23: ["USER"],
};

/** The name of a result code, extended where it is, such as `SQLITE_CONSTRAINT_UNIQUE`. */
export function nameOfCode(code: number): string {
  const primary = code & PRIMARY;
  const name = PRIMARY_NAMES[primary];
  if (name === undefined) return `SQLITE_${code}`;
  const extended = EXTENDED_NAMES[primary]?.[(code >> 8) - 1];
  return extended === undefined || extended === "" ? name : `${name}_${extended}`;
}

let codes: ReadonlyMap<string, number> | undefined;

/** The code of such a name; what is no name that SQLite gives is a plain error. */
export function codeOfName(name: string): number {
  codes ??= new Map(allCodes().map((code) => [nameOfCode(code), code]));
  return codes.get(name) ?? (Number(/\d+$/.exec(name)?.[0] ?? SQLITE.ERROR) || SQLITE.ERROR);
}

function allCodes(): number[] {
  return Object.keys(PRIMARY_NAMES).flatMap((name) => {
    const primary = Number(name);
    const extended = EXTENDED_NAMES[primary] ?? [];
    // The primary code last: names that are none are its own.
    return [...extended.map((_, index) => primary | ((index + 1) << 8)), primary];
  });
}
