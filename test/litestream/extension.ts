import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { lookForProgram } from "../programs.ts";

/** The package that has it, for one kind of machine: it cannot be among our dependencies. */
const PACKAGE = "litestream-vfs-linux-amd64";
/** Where it may be installed: in a folder of its own, from which npm does not remove it. */
const PLACES: readonly string[] = [".litestream/node_modules", "."].map((folder) =>
  fileURLToPath(
    new URL(`../../../node_modules/${folder}/${PACKAGE}/litestream-vfs.so`, import.meta.url),
  ),
);

/** Litestream as an extension of SQLite, and a command line of SQLite that can load it. */
export interface Extension {
  readonly path: string;
  readonly sqlite: string;
}

export interface Missing {
  /** What is missing, or why it does not load, in a line. */
  readonly missing: string;
}

/** Looks where `LITESTREAM_VFS` says, or among the installed packages. */
export function lookForExtension(): Extension | Missing {
  const sqlite = lookForProgram("sqlite3");
  if (sqlite === undefined) return { missing: "sqlite3 is not installed" };
  const { LITESTREAM_VFS: given } = process.env;
  const path = (given === undefined ? PLACES : [given]).find(existsSync);
  if (path === undefined) {
    const reason = given === undefined ? `${PACKAGE} is not installed` : `there is no ${given}`;
    return { missing: `no Litestream extension: ${reason}` };
  }
  const complaint = complaintOf(sqlite, path);
  if (complaint === undefined) return { path, sqlite };
  return { missing: `sqlite3 does not load the Litestream extension: ${complaint}` };
}

/** The same for a test, which returns where it is undefined: it says what is missing. */
export function findExtension(): Extension | undefined {
  found ??= lookForExtension();
  if (!("missing" in found)) return found;
  console.log(`skipped: ${found.missing}`);
  return undefined;
}

let found: Extension | Missing | undefined;

/** What goes wrong when it is loaded, or undefined. */
function complaintOf(sqlite: string, path: string): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "headwater-litestream-"));
  const words = ["-batch", "-bail", ":memory:", "-cmd", `.load ${path}`, "select 'loaded'"];
  const env = { LITESTREAM_REPLICA_URL: `file://${folder}`, TMPDIR: folder };
  try {
    const result = spawnSync(sqlite, words, { env, encoding: "utf8", timeout: 20_000 });
    const { status, stdout, stderr, error, signal } = result;
    if (status === 0 && stdout.trim() === "loaded") return undefined;
    return error?.message ?? (stderr.trim().split("\n", 1)[0] || `it ended with ${signal}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
