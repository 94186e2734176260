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
import { FileOwner } from "./file-owner.ts";
import { Follower } from "./follower.ts";
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
 * @throws what `hydrate` throws.
 */
export async function openDatabase(
  source: string | URL | SourceDevice | SourceOpener,
  file: string,
  options: OpenDatabaseOptions = {},
): Promise<Database> {
  const { writable = false, busyTimeoutMs = 5000, pageTimeoutMs = 30_000, ...rest } = options;
  checkCount("busyTimeoutMs", busyTimeoutMs, 0);
  checkCount("pageTimeoutMs", pageTimeoutMs);
  const path = resolve(file);
  const follower = new Follower();
  const finishing = new Finishing();
  const thread = startConnectionThread(); // it takes a while, and so does what follows
  const opened = await openPages(source, path, {
    ...rest,
    regionSize: rest.regionSize ?? REGION_SIZE,
    advancing: follower.advancing,
    ...(writable && { finishing: () => finishing.asked }),
  }).catch(async (error: unknown) => {
    await thread.terminate();
    throw error;
  });
  const { owner, clone, close } = opened;
  const service = new PageService({
    ...{ owner, file: path, writable, timeoutMs: pageTimeoutMs },
    failed: (error) => {
      if (isHeadwaterError(error, "SOURCE_CHANGED")) void follower.follow();
    },
  });
  const closing = new AbortController();
  if (clone !== undefined) {
    follower.attach(clone, service);
    void learn(clone, service, rest.noHydration === true, closing.signal);
  }
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
  close(): Promise<void>;
}

async function openPages(
  source: string | URL | SourceDevice | SourceOpener,
  path: string,
  options: HydrateBlobOptions,
): Promise<OpenedPages> {
  try {
    const clone = await hydrate(source, path, options);
    return { owner: new CloneOwner(clone, path), clone, close: () => clone.close() };
  } catch (error) {
    // It was whole, and somebody has worked with it since: it is theirs, and no copy any more.
    if (!isHeadwaterError(error, "DIVERGED") || options.overwrite) throw error;
    const owner = await FileOwner.open(path).catch((cause: unknown) => {
      throw cause instanceof HeadwaterError ? error : cause;
    });
    return { owner, clone: undefined, close: () => owner.close() };
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

/** Whether a copy that can be written may get its final name. */
class Finishing {
  #allow = (): void => {};
  readonly asked: Promise<void> = new Promise((resolve) => {
    this.#allow = resolve;
  });

  allow(): void {
    this.#allow();
  }
}
