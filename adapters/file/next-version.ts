import { constants } from "node:fs";
import { copyFile, lstat, open, rename } from "node:fs/promises";
import { fileError, hasCode } from "./file-error.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { type Found, look } from "./found.ts";
import { type CopyNames, flushFolder, remove } from "./names.ts";

/**
 * Makes a durable copy of the finished file, which is to become another version of it. A file
 * system that can shares the space of both (reflink).
 *
 * @throws {HeadwaterError} `DESTINATION_FULL` when it does not fit.
 */
export async function copyAside({ file, aside, folder }: CopyNames): Promise<void> {
  try {
    await copyFile(file, aside, constants.COPYFILE_FICLONE);
    const copy = await open(aside, "r+");
    try {
      await copy.sync();
    } finally {
      await copy.close();
    }
    await flushFolder(folder);
  } catch (error) {
    await remove(aside).catch(() => {}); // the first error says more
    throw fileError("DESTINATION_FAILED", `cannot copy ${file} to ${aside}`, error);
  }
}

/** The copy becomes the partial file. */
export async function placeAside({ aside, partial, folder }: CopyNames): Promise<void> {
  try {
    await rename(aside, partial);
    await flushFolder(folder);
  } catch (error) {
    throw fileError("DESTINATION_FAILED", `cannot rename ${aside} to ${partial}`, error);
  }
}

/**
 * A copy aside that is found at open: the map says whether it was complete and is still to be put
 * in its place. Of an attempt that never got so far it is removed.
 */
export async function settleAside(found: Found): Promise<Found> {
  const { names, map, partial } = found;
  if ((await fingerprintAt(names.aside)) === undefined) return found;
  if (map?.advancing && partial === undefined) await placeAside(names);
  else if (await remove(names.aside)) await flushFolder(names.folder);
  return look(names);
}

/** Undefined where there is no such file. */
export async function fingerprintAt(path: string): Promise<string | undefined> {
  try {
    return fingerprintOf(await lstat(path, { bigint: true }));
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw fileError("DESTINATION_FAILED", `cannot look at ${path}`, error);
  }
}
