import { statfs } from "node:fs/promises";
import { HeadwaterError } from "../../lib/index.ts";
import type { Found } from "./found.ts";

/**
 * @param size of the whole, in bytes. What an unfinished copy already takes counts as there.
 * @throws {HeadwaterError} `DESTINATION_FULL` when the rest does not fit.
 */
export async function checkSpace(found: Found, size: number): Promise<void> {
  const { names, hydratedBytes, map } = found;
  const taken = Number(found.partial?.blocks ?? 0n) * 512;
  // A file system that compresses takes less than what is here; a kill leaves more than the map
  // says.
  const needed = size - Math.max(map?.complete === false ? hydratedBytes : 0, taken);
  const { bavail, bsize } = await statfs(names.folder);
  const free = bavail * bsize;
  if (needed <= free) return;
  throw new HeadwaterError(
    "DESTINATION_FULL",
    `${names.file} needs ${needed} more bytes, and ${names.folder} has ${free} free`,
  );
}
