import { link, lstat, open, realpath, rename, unlink } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { fileError, hasCode } from "./file-error.ts";

/** What `link` fails with on a file system that has no links. */
export const LINKS_UNSUPPORTED = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"] as const;

/** Where a copy and what belongs to it lie, side by side. All are absolute paths. */
export interface CopyNames {
  readonly folder: string;
  /** What the copy is called when it is whole. */
  readonly file: string;
  /** What it is called until then. */
  readonly partial: string;
  /** A copy of the finished file, while it is prepared to become another version. */
  readonly aside: string;
  readonly map: string;
  readonly lock: string;
}

/**
 * The same names for the same file, whichever way leads to its folder.
 *
 * @throws {HeadwaterError} `DESTINATION_FAILED` when there is no such folder.
 */
export async function namesOf(path: string): Promise<CopyNames> {
  const whole = resolve(path);
  try {
    const folder = await realpath(dirname(whole));
    const file = join(folder, basename(whole));
    return {
      folder,
      file,
      partial: `${file}.partial`,
      aside: `${file}.advance`,
      map: `${file}.headwater`,
      lock: `${file}.headwater.lock`,
    };
  } catch (error) {
    throw fileError("DESTINATION_FAILED", `cannot find the folder ${dirname(whole)}`, error);
  }
}

/**
 * Makes durable which names there are in a folder.
 *
 * @throws {HeadwaterError} `DESTINATION_FAILED`.
 */
export async function flushFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    // Some systems cannot, and do it by themselves.
    if (hasCode(error, "EINVAL", "ENOTSUP", "EPERM", "EISDIR")) return;
    throw fileError("DESTINATION_FAILED", `cannot flush the folder ${path}`, error);
  }
}

/**
 * Resolves to whether there was such a file.
 *
 * @throws {HeadwaterError} `DESTINATION_FAILED` when it is still there.
 */
export async function remove(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw fileError("DESTINATION_FAILED", `cannot remove ${path}`, error);
  }
}

/** Renames, and fails with EEXIST when the name is taken, which `rename` does not. */
export async function renameNew(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!hasCode(error, ...LINKS_UNSUPPORTED)) throw error;
    // Here somebody may still come between the two calls.
    const isFree = await lstat(to).then(
      () => false,
      (missing) => hasCode(missing, "ENOENT"),
    );
    if (!isFree) throw Object.assign(new Error(`${to} exists`), { code: "EEXIST" });
    await rename(from, to);
    return;
  }
  await unlink(from);
}
