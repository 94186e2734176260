import { HeadwaterError, isHeadwaterError, type ReadOptions } from "../../lib/index.ts";
import { listFiles, type ReplicaFile } from "./list-files.ts";
import { patient } from "./patient-source.ts";
import { type LoadedFile, loadFile } from "./replica-file.ts";
import { ReplicaPages } from "./replica-pages.ts";
import { txidAt } from "./replica-time.ts";
import { planRestore } from "./restore-plan.ts";
import type { ObjectSource, ReplicaLayout } from "./store.ts";

/** Files of up to these sizes are fetched whole, as long as they are no more than this together. */
const TINY_FILE: number = 32 * 2 ** 10;
const SMALL_FILE: number = 256 * 2 ** 10;
const TINY_FILES: number = 12 * 2 ** 20;
const SMALL_FILES: number = 4 * 2 ** 20;
/** Files that are loaded at once. */
const LOADED_AT_ONCE = 64;
/** How often a replica is listed whose files vanish before they are read. */
export const MOST_LISTINGS = 5;

/** Which state of the database is meant: after a transaction, or at a time; else the newest. */
export interface RestoreTarget {
  readonly txid?: bigint;
  /** Milliseconds since 1970. */
  readonly timeMs?: number;
}

/** A database as the files of its replica have it after one transaction. */
export interface Assembly {
  readonly txid: bigint;
  /** Of that transaction, or of the snapshot that ends with it. Milliseconds since 1970. */
  readonly timestampMs: number;
  readonly pages: ReplicaPages;
  /** Every file of the replica, as it was listed. */
  readonly listed: readonly ReplicaFile[];
}

export interface AssembleOptions extends ReadOptions {
  /** Default: that of the store; the other one where there is nothing in that. */
  layout?: ReplicaLayout | undefined;
  /** No larger file is fetched whole, in one request. Default 256 KiB. */
  wholeFileSize?: number | undefined;
  /** Files that need not be loaded again. */
  known?: readonly LoadedFile[];
}

/**
 * Lists a replica, plans, and loads what has to be known of the files of the plan: three round
 * trips. Files that vanish meanwhile, because they were compacted, are made up for by another plan.
 *
 * @throws {HeadwaterError} `SOURCE_NOT_FOUND` when there is nothing, files are missing, or the target
 *   is not available; `CORRUPT` when a file is; what the store throws.
 */
export async function assemble(
  store: ObjectSource,
  target: RestoreTarget,
  options: AssembleOptions = {},
): Promise<Assembly> {
  const { layout, known = [], wholeFileSize = SMALL_FILE, ...reading } = options;
  let listed: readonly ReplicaFile[] | undefined;
  for (let listings = 1; ; listings += 1) {
    const before = listed;
    listed = await listReplica(store, layout, reading);
    try {
      const patiently = patient(store);
      const { timeMs, txid } = target;
      const goal = timeMs === undefined ? txid : await txidAt(patiently, listed, timeMs, reading);
      const plan = planRestore(listed, goal);
      const loaded = await loadAll(store, plan, { ...reading, known, wholeFileSize });
      const pages = new ReplicaPages(loaded);
      const { maxTxid, timestamp } = (loaded.at(-1) as LoadedFile).header;
      return { txid: maxTxid, timestampMs: timestamp, pages, listed };
    } catch (error) {
      if (!isVanished(error) || listings === MOST_LISTINGS) throw error;
      // What is missing in two lists was not just about to be moved.
      if (before !== undefined && isSame(before, listed)) throw error;
    }
  }
}

/** Whether a file is not there any more as it was listed. */
export function isVanished(error: unknown): boolean {
  return isHeadwaterError(error, "SOURCE_NOT_FOUND") || isHeadwaterError(error, "SOURCE_CHANGED");
}

/** What is wrong where a file has the name of one that it was not before. */
export function replacedBy(
  storeName: string,
  before: Assembly,
  now: Assembly,
): HeadwaterError | undefined {
  const known = new Map(before.pages.files.map(({ file }) => [file.object.key, file.trailer]));
  const isOther = ({ file }: { readonly file: LoadedFile }): boolean => {
    const { fileChecksum } = known.get(file.object.key) ?? file.trailer;
    return fileChecksum !== file.trailer.fileChecksum;
  };
  const other = now.pages.files.find(isOther);
  if (other === undefined) return undefined;
  const message = `${storeName}/${other.file.object.key} was replaced by a file of another database`;
  return new HeadwaterError("CORRUPT", message);
}

/** Every file of every level. */
export async function listReplica(
  store: ObjectSource,
  layout: ReplicaLayout | undefined,
  options: ReadOptions,
): Promise<readonly ReplicaFile[]> {
  const files = await listFiles(patient(store), layout ?? store.layout, options);
  if (files.length > 0 || layout !== undefined) return files;
  return listFiles(patient(store), store.layout === "ltx" ? "s3" : "ltx", options);
}

/** Loads files, in their order. */
export async function loadAll(
  store: ObjectSource,
  objects: readonly ReplicaFile[],
  options: Omit<AssembleOptions, "layout">,
): Promise<readonly LoadedFile[]> {
  const { known = [], wholeFileSize = SMALL_FILE, ...reading } = options;
  const loaded = new Map<ReplicaFile, LoadedFile>();
  const knownByKey = new Map(known.map((file) => [file.object.key, file]));
  for (const object of objects) {
    const same = knownByKey.get(object.key);
    if (same !== undefined && isUnchanged(same.object, object)) loaded.set(object, same);
  }
  const missing = objects.filter((object) => !loaded.has(object));
  const whole = fetchedWhole(missing, wholeFileSize);
  const patiently = patient(store);
  const queue = each(missing);
  const worker = async (): Promise<void> => {
    for (const object of queue) {
      loaded.set(object, await loadFile(patiently, object, whole.has(object), reading));
    }
  };
  const workers = await Promise.allSettled(Array.from({ length: LOADED_AT_ONCE }, worker));
  const failed = workers.find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
  return objects.map((object) => loaded.get(object) as LoadedFile);
}

/** As far as the listing tells. */
function isUnchanged(before: ReplicaFile, now: ReplicaFile): boolean {
  return before.size === now.size && before.modifiedMs === now.modifiedMs;
}

/** Unlike the iterator of an array it ends for all when one of those who share it fails. */
function* each<Item>(items: readonly Item[]): Generator<Item, void, undefined> {
  yield* items;
}

/** The newest first: they have the most of what is wanted. */
function fetchedWhole(files: readonly ReplicaFile[], most: number): Set<ReplicaFile> {
  const whole = new Set<ReplicaFile>();
  let tiny = 0;
  let small = 0;
  for (const file of [...files].reverse()) {
    const { size } = file;
    if (size > most) continue;
    if (size <= TINY_FILE && tiny + size <= TINY_FILES) tiny += size;
    else if (small + size <= SMALL_FILES) small += size;
    else continue;
    whole.add(file);
  }
  return whole;
}

function isSame(before: readonly ReplicaFile[], now: readonly ReplicaFile[]): boolean {
  return before.length === now.length && now.every(({ key }, index) => before[index]?.key === key);
}
