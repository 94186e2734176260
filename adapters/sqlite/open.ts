import { resolve } from "node:path";
import {
  type Clone,
  checkCount,
  HeadwaterError,
  isHeadwaterError,
  type SourceDevice,
  type SourceOpener,
} from "../../lib/index.ts";
import { type HydrateBlobOptions, hydrate } from "../hydrate.ts";
import { CloneOwner } from "./clone-owner.ts";
import { openClonePages } from "./clone-pages.ts";
import { startConnectionThread } from "./connection-thread.ts";
import { Database, type DatabaseFiles } from "./database.ts";
import { checkEncoding } from "./encoding.ts";
import { FileOwner } from "./file-owner.ts";
import { Finishing } from "./finishing.ts";
import { Follower } from "./follower.ts";
import { findNativeDrivers, type NativeOption } from "./native-drivers.ts";
import { orderPages } from "./page-order.ts";
import type { PageOwner } from "./page-owner.ts";
import { PageService } from "./page-service.ts";
import { Scans } from "./scans.ts";

export interface OpenDatabaseOptions extends Omit<HydrateBlobOptions, "advancing" | "finishing"> {
  /**
   * Whether the database can be written to. What is written stays local; from then on the copy
   * follows its source no more. Default false.
   */
  writable?: boolean;
  /** How long a locked database is waited for, in milliseconds. Default 5000. */
  busyTimeoutMs?: number;
  /** How long a page that is not local is waited for, in milliseconds. Default 30 000. */
  pageTimeoutMs?: number;
  /**
   * Which native driver takes over when the database is an ordinary file: the better one of those
   * that are installed and work with this Node, none, or this one. Default "auto".
   */
  native?: NativeOption;
}

/** The smallest region: pages of SQLite are as large, or larger, or share one. */
const REGION_SIZE = 4096;

/**
 * Opens a SQLite database anywhere: at once from where it is, page by page, while the rest becomes
 * a local file.
 *
 * @param source of the bytes of a database: an `http:`, `https:`, `s3:` or NBD URL, a source device
 *   that the caller closes, or an opener such as `litestream(url)`.
 * @param file where the database becomes an ordinary file. If it is one already, it is opened as it
 *   is.
 * @throws {TypeError} when `native` names a driver that cannot be used here.
 * @throws {SqliteError} for a database in UTF-16, unless a native driver can open it at once.
 * @throws what `hydrate` throws.
 */
export async function openDatabase(
  source: string | URL | SourceDevice | SourceOpener,
  file: string,
  options: OpenDatabaseOptions = {},
): Promise<Database> {
  const { writable = false, busyTimeoutMs = 5000, pageTimeoutMs = 30_000 } = options;
  const { native = "auto", ...rest } = options;
  checkCount("busyTimeoutMs", busyTimeoutMs, 0);
  checkCount("pageTimeoutMs", pageTimeoutMs);
  const natives = findNativeDrivers(native);
  const path = resolve(file);
  const follower = new Follower();
  const finishing = new Finishing();
  const thread = startConnectionThread(); // it takes a while, and so does what follows
  const opening = openPages(source, path, {
    ...rest,
    regionSize: rest.regionSize ?? REGION_SIZE,
    // Longer than that nobody waits for what it may still send.
    stallTimeoutMs: rest.stallTimeoutMs ?? pageTimeoutMs,
    advancing: follower.advancing,
    ...(writable && { finishing: finishing.asked }),
  });
  const { owner, clone, isFile, close } = await opening
    .then((opened) => readable(opened, natives.length > 0, pageTimeoutMs))
    .catch(async (error: unknown) => {
      await thread.terminate();
      throw error;
    });
  const service = new PageService({
    ...{ owner, file: path, writable, timeoutMs: pageTimeoutMs, natives },
    failed: (error) => {
      if (isHeadwaterError(error, "SOURCE_CHANGED")) void follower.follow();
    },
  });
  const closing = new AbortController();
  if (clone !== undefined) {
    follower.attach(clone, service);
    void learn(clone, service, rest.noHydration === true, closing.signal);
    clone.on("hydrated", () => service.takeOver());
    if (writable && natives.length > 0) void finishing.whenIdle(clone, service, closing.signal);
  }
  if (isFile) service.takeOver();
  const finish = async (): Promise<void> => {
    finishing.allow();
    await clone?.hydrated();
  };
  const files: DatabaseFiles = {
    ...{ service, follower, clone, file: path, busyTimeoutMs, connections: new Set(), finish },
    close: async () => {
      closing.abort(new HeadwaterError("CLOSED", "the database is closed"));
      follower.close();
      service.close();
      // Nobody writes any more: what is whole gets its name.
      if (writable && clone !== undefined && owner.isComplete) await finish();
      await close();
    },
  };
  return new Database(files, thread);
}

interface OpenedPages {
  readonly owner: PageOwner;
  readonly clone: Clone | undefined;
  /** Whether they are in a file that needs nothing of ours. */
  readonly isFile: boolean;
  close(): Promise<void>;
}

async function openPages(
  source: string | URL | SourceDevice | SourceOpener,
  path: string,
  options: HydrateBlobOptions,
): Promise<OpenedPages> {
  try {
    const clone = await hydrate(source, path, options);
    const isFile = clone.status().hydration === "complete";
    return { owner: new CloneOwner(clone, path), clone, isFile, close: () => clone.close() };
  } catch (error) {
    // It was whole, and somebody has worked with it since: it is theirs, and no copy any more.
    if (!isHeadwaterError(error, "DIVERGED") || options.overwrite) throw error;
    const owner = await FileOwner.open(path).catch((cause: unknown) => {
      throw cause instanceof HeadwaterError ? error : cause;
    });
    return { owner, clone: undefined, isFile: true, close: () => owner.close() };
  }
}

/** Closes what no driver that is there can read. */
async function readable(
  opened: OpenedPages,
  hasNative: boolean,
  timeoutMs: number,
): Promise<OpenedPages> {
  try {
    const isForNative = opened.isFile && hasNative;
    if (!isForNative) await checkEncoding(opened.owner, AbortSignal.timeout(timeoutMs));
    return opened;
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** Learns how the pages hang together, which says in what order they are wanted. */
async function learn(
  clone: Clone,
  service: PageService,
  isOff: boolean,
  signal: AbortSignal,
): Promise<void> {
  try {
    const reader = await openClonePages(clone, signal);
    const scans = new Scans(reader);
    service.scans = scans;
    if (!isOff) await orderPages(clone, reader, scans.siblings, signal);
  } catch {
    // Without it everything is served as well, in the order of the file.
  }
}
