import { existsSync } from "node:fs";
import {
  Clone,
  DEFAULT_REGION_SIZE,
  type DestinationDevice,
  HeadwaterError,
  type SourceDevice,
} from "../lib/index.ts";
import { LocalCopy } from "./file/index.ts";
import type { HydrateBlobOptions } from "./hydrate/options.ts";
import { type BlobSource, type Origin, originOf } from "./hydrate/origin.ts";
import { rootOf } from "./manifest/index.ts";

export * from "../lib/index.ts";
export type { HydrateBlobOptions } from "./hydrate/options.ts";

/**
 * Opens a remote blob at once and makes it local in the background.
 *
 * @param from an `http:`, `https:`, `s3:` or NBD URL, what `http(...)` and its like return, or a source device
 *   that the caller closes.
 * @param to a path: the data is in `<path>.partial` until it is whole, then the file is an ordinary
 *   one. Or a destination device that the caller closes.
 * @throws {TypeError} for a URL of a kind that is not known.
 * @throws {HeadwaterError} `EXISTS`, `LOCKED`, `DIVERGED`, `MAP_CORRUPT`, `SOURCE_CHANGED`,
 *   `DESTINATION_FULL` for what is found at the path; what opening the source throws.
 */
export async function hydrate(
  from: BlobSource,
  to: string | DestinationDevice,
  options: HydrateBlobOptions = {},
): Promise<Clone> {
  const origin = await originOf(from, options);
  if (typeof to === "string") return openLocal(origin, to, options);
  const source = await origin.open(undefined, options.signal);
  try {
    return await Clone.open({ ...options, source, destination: to, ownsSource: origin.isOurs });
  } catch (error) {
    if (origin.isOurs) await source.close();
    throw error;
  }
}

async function openLocal(
  origin: Origin,
  path: string,
  options: HydrateBlobOptions,
): Promise<Clone> {
  const { overwrite = false, discardLocal = false, signal } = options;
  const early = openEarly(origin, path, signal);
  let local: LocalCopy | undefined;
  let source: SourceDevice | undefined;
  try {
    local = await LocalCopy.open(path, { overwrite, discardLocal, ...(signal && { signal }) });
    const copy = local;
    const found = copy.known?.identity;
    if (copy.state === "finished") checkFinished(origin, path, found, options);
    checkVerified(copy, path, options);
    source = await openSource(origin, copy, options, early?.source);
    const isOther = source !== undefined && found !== undefined && source.identity !== found;
    const isVersion = source?.changedSince !== undefined && origin.recognizes(found ?? "");
    const isRestarted = isOther && !(isVersion && copy.stored?.written === false);
    if (isRestarted) await copy.restart();
    const { noHydration: sparse = false } = options;
    if (source !== undefined && copy.state === "new") {
      const { size, blockSize = 0 } = source;
      const regionSize = Math.max(options.regionSize ?? DEFAULT_REGION_SIZE, blockSize);
      await copy.create({ size, sparse, regionSize });
    } else if (copy.state === "partial" && !sparse) await copy.checkRest();
    const clone = await Clone.open({
      ...options,
      ...(source && { source }),
      destination: copy.destination,
      mapStore: copy.mapStore,
      ownsSource: origin.isOurs,
      closed: () => copy.close(),
    });
    if (isRestarted) {
      const event = { found: found ?? "", opened: source?.identity ?? "" };
      // After the caller, who has the clone in a moment, could begin to listen.
      setTimeout(() => clone.emit("restarted", event), 0);
    }
    return clone;
  } catch (error) {
    early?.abort(error);
    if (origin.isOurs) await source?.close();
    await local?.close();
    throw error;
  }
}

/** The source, where the local copy needs one. */
async function openSource(
  origin: Origin,
  copy: LocalCopy,
  options: HydrateBlobOptions,
  early: Promise<SourceDevice> | undefined,
): Promise<SourceDevice | undefined> {
  const { revalidate = false, signal } = options;
  const { known } = copy;
  const isKnown = known !== undefined && origin.recognizes(known.identity);
  const isFinished = copy.state === "finished" && isKnown && !revalidate;
  if (isFinished && (await origin.isCurrent(known.identity, signal))) return undefined;
  return early ?? origin.open(isKnown && !revalidate ? known : undefined, signal);
}

/** Asks the source while the disk is looked at, where there is nothing on it yet. */
function openEarly(
  origin: Origin,
  path: string,
  signal: AbortSignal | undefined,
): { source: Promise<SourceDevice>; abort(reason: unknown): void } | undefined {
  if (!origin.isOurs || existsSync(path) || existsSync(`${path}.headwater`)) return undefined;
  const ending = new AbortController();
  const either = signal === undefined ? ending.signal : AbortSignal.any([signal, ending.signal]);
  const source = origin.open(undefined, either);
  source.catch(() => {}); // whoever needs it waits for it
  return { source, abort: (reason) => ending.abort(reason) };
}

function checkFinished(
  origin: Origin,
  path: string,
  found: string | undefined,
  options: HydrateBlobOptions,
): void {
  if (found === undefined || origin.recognizes(found) || options.overwrite === true) return;
  throw new HeadwaterError(
    "EXISTS",
    `${path} is a finished copy of ${found}; choose another path, or set overwrite`,
  );
}

/** What was verified so far is not gone on with unverified, unless it may be given up. */
function checkVerified(
  copy: LocalCopy,
  path: string,
  { manifest, revalidate, overwrite, discardLocal }: HydrateBlobOptions,
): void {
  const root = rootOf(copy.known?.identity ?? "");
  if (root === undefined || manifest !== undefined) return;
  const isFinished = copy.state === "finished";
  if (isFinished ? !revalidate || overwrite : discardLocal) return;
  throw new HeadwaterError(
    "SOURCE_CHANGED",
    `${path} is verified by the manifest with root ${root}: name one again with the \`manifest\` ` +
      `option, or set ${isFinished ? "overwrite" : "discardLocal"} to start over without`,
  );
}
