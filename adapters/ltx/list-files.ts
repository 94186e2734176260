import type { ReadOptions } from "../../lib/index.ts";
import { parseFileName } from "./file-name.ts";
import type { ObjectSource, ReplicaLayout, StoredObject } from "./store.ts";

/** The level of snapshots, and the highest. */
export const SNAPSHOT_LEVEL = 9;

/** A file of a replica, as far as its name and the listing tell. */
export interface ReplicaFile extends StoredObject {
  readonly level: number;
  readonly minTxid: bigint;
  readonly maxTxid: bigint;
}

/** The folder of a level. It ends with a `/`. */
export function levelPrefix(layout: ReplicaLayout, level: number): string {
  return layout === "ltx" ? `ltx/${level}/` : `${level.toString(16).padStart(4, "0")}/`;
}

/**
 * Lists the LTX files of every level: all levels at once, and a request more for each further
 * thousand files of a level. What has another name is left out.
 */
export async function listFiles(
  store: Pick<ObjectSource, "list">,
  layout: ReplicaLayout,
  options: ReadOptions = {},
): Promise<readonly ReplicaFile[]> {
  const levels = Array.from({ length: SNAPSHOT_LEVEL + 1 }, (_, level) => level);
  const lists = await Promise.all(levels.map((level) => listLevel(store, layout, level, options)));
  return lists.flat();
}

async function listLevel(
  store: Pick<ObjectSource, "list">,
  layout: ReplicaLayout,
  level: number,
  options: ReadOptions,
): Promise<ReplicaFile[]> {
  const prefix = levelPrefix(layout, level);
  const files: ReplicaFile[] = [];
  let after: string | undefined = "";
  while (after !== undefined) {
    const { objects, next } = await store.list(prefix, after, options);
    for (const object of objects) {
      const txids = parseFileName(object.key.slice(prefix.length));
      if (txids !== undefined) files.push({ ...object, level, ...txids });
    }
    after = next;
  }
  return files;
}
