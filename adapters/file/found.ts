import type { BigIntStats } from "node:fs";
import { lstat } from "node:fs/promises";
import {
  HeadwaterError,
  hydratedBytes,
  isHeadwaterError,
  type SlotsInspection,
  type StoredMap,
} from "../../lib/index.ts";
import { fileError, hasCode } from "./file-error.ts";
import { hasFingerprint } from "./fingerprint.ts";
import { readMapFile } from "./map-file.ts";
import type { CopyNames } from "./names.ts";

/** What lies under the names of a copy. */
export interface Found {
  readonly names: CopyNames;
  readonly file: BigIntStats | undefined;
  readonly partial: BigIntStats | undefined;
  /** The map to believe, if there is one. */
  readonly map: StoredMap | undefined;
  /** How much is here, as the map says. */
  readonly hydratedBytes: number;
  /** Why there is no map, in words. */
  readonly noMap: string;
}

/** The same, and everything that the map's two slots hold: megabytes, where it is large. */
export interface FoundSlots {
  readonly found: Found;
  /** Undefined where the map is missing, or not a file of two slots. */
  readonly slots: SlotsInspection | undefined;
}

/** What the caller gives up beforehand. */
export interface Consent {
  /** Replace `<file>`, whatever it is. */
  readonly overwrite: boolean;
  /** Throw away `<file>.partial`, whatever a user wrote to it. */
  readonly discardLocal: boolean;
}

/** What to do with it. `finish`: everything is there but the final name. */
export type Decision = "new" | "partial" | "finish" | "finished";

const MISSING = "it is missing";

/** @throws {HeadwaterError} `EXISTS` when one of the names is not a regular file. */
export async function look(names: CopyNames): Promise<Found> {
  return (await lookCloser(names)).found;
}

/** @throws {HeadwaterError} `EXISTS` when one of the names is not a regular file. */
export async function lookCloser(names: CopyNames): Promise<FoundSlots> {
  const paths = [names.file, names.partial, names.map];
  const [file, partial, mapFile] = await Promise.all(paths.map(regularFile));
  const none = { names, file, partial, map: undefined, hydratedBytes: 0 };
  if (mapFile === undefined) return { found: { ...none, noMap: MISSING }, slots: undefined };
  try {
    const slots = await readMapFile(names.map);
    const believed = slots?.believed === undefined ? undefined : slots.slots[slots.believed];
    const { map, regions } = believed ?? {};
    if (map === undefined || regions === undefined) {
      return { found: { ...none, noMap: slots?.unusable ?? "it is empty" }, slots };
    }
    const here = hydratedBytes(regions, 0, map.size);
    return { found: { ...none, map, hydratedBytes: here, noMap: "" }, slots };
  } catch (error) {
    if (!isHeadwaterError(error, "MAP_CORRUPT")) throw error;
    return { found: { ...none, noMap: error.message }, slots: undefined };
  }
}

/**
 * Every combination of what may be found, as the table in docs/files.md has it.
 *
 * @throws {HeadwaterError} `EXISTS`, `DIVERGED` or `MAP_CORRUPT` where something would be lost that
 *   the caller did not give up.
 */
export function decide(found: Found, consent: Consent): Decision {
  const { file, partial, map } = found;
  const isFormer = isFormerVersion(found);
  if (map?.complete) {
    const isRecorded = (state: BigIntStats | undefined): boolean =>
      state !== undefined && hasFingerprint(state, map.fingerprint, map.written);
    if (isRecorded(file)) return "finished";
    if (isRecorded(partial)) {
      if (file !== undefined && !consent.overwrite && !isFormer) throw exists(found);
      return "finish";
    }
    if (file !== undefined && !consent.overwrite) throw diverged(found.names.file, "overwrite");
    if (hasData(partial) && !consent.discardLocal) {
      throw diverged(found.names.partial, "discardLocal");
    }
    return "new";
  }

  const isContinued = map !== undefined && partial !== undefined && isPartOf(partial, map);
  const isInTheWay = file !== undefined && !(isContinued && isFormer);
  if (isInTheWay && !consent.overwrite) throw exists(found);
  if (isContinued) return "partial";
  if (hasData(partial) && !consent.discardLocal) throw corrupt(found);
  return "new";
}

/**
 * While a copy becomes one of another version its size is neither the one nor the other. One that a
 * user wrote to may be longer: its size was changing, and the change was not yet durable.
 */
function isPartOf(partial: BigIntStats, map: StoredMap): boolean {
  const isLonger = partial.size > BigInt(map.size) && hasData(partial);
  return partial.size === BigInt(map.size) || map.advancing || (isLonger && map.written);
}

/** Whether `<file>` is the finished former version, which the copy replaces when it is whole. */
export function isFormerVersion({ file, map }: Pick<Found, "file" | "map">): boolean {
  if (file === undefined || map === undefined || map.former === "") return false;
  return hasFingerprint(file, map.former, false);
}

/** Whether anything was ever written to the file. What was not takes no space. */
export function hasData(state: BigIntStats | undefined): boolean {
  return state !== undefined && state.size > 0n && state.blocks > 0n;
}

async function regularFile(path: string): Promise<BigIntStats | undefined> {
  try {
    const state = await lstat(path, { bigint: true });
    if (state.isFile()) return state;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw fileError("DESTINATION_FAILED", `cannot look at ${path}`, error);
  }
  throw new HeadwaterError("EXISTS", `${path} is not a regular file; choose another path`);
}

function exists({ names, noMap }: Found): HeadwaterError {
  const why = ["", MISSING].includes(noMap) ? "" : ` (${names.map}: ${noMap})`;
  return new HeadwaterError(
    "EXISTS",
    `${names.file} exists and is not a finished copy of ours${why}; ` +
      "choose another path, or set overwrite to replace it",
  );
}

function diverged(path: string, option: keyof Consent): HeadwaterError {
  return new HeadwaterError(
    "DIVERGED",
    `${path} was modified or replaced after it was finished; ` +
      `move it away to keep it, or set ${option} to start over`,
  );
}

function corrupt({ names, partial, map, noMap }: Found): HeadwaterError {
  const why =
    map === undefined
      ? `${names.map}: ${noMap}`
      : `it has ${partial?.size} bytes, and its region map says ${map.size}`;
  return new HeadwaterError(
    "MAP_CORRUPT",
    `${names.partial} cannot be continued, and may hold what was written to it: ${why}; ` +
      "move it away to keep it, or set discardLocal to start over",
  );
}
