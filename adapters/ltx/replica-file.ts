import { HeadwaterError, type ReadOptions } from "../../lib/index.ts";
import { corrupt } from "./corrupt.ts";
import { HEADER_SIZE, type LtxHeader, parseHeader } from "./header.ts";
import type { ReplicaFile } from "./list-files.ts";
import {
  locatePageIndex,
  MIN_FILE_SIZE,
  type PageIndex,
  parsePageIndex,
  TAIL_SIZE,
} from "./page-index.ts";
import type { ObjectSource } from "./store.ts";
import { type LtxTrailer, parseTrailer, TRAILER_SIZE } from "./trailer.ts";
import { verifyLtx } from "./verify.ts";

/** The part of a file that its index is likely to be, and what is asked for at least. */
const TAIL_PART = 1 / 256;
const LEAST_TAIL: number = 4 * 2 ** 10;
/** No more is asked for before it is known how long the index is. */
const MOST_TAIL: number = 64 * 2 ** 20;

/** What is known of a file of a replica without its pages. */
export interface LoadedFile {
  readonly object: ReplicaFile;
  readonly header: LtxHeader;
  readonly index: PageIndex;
  readonly trailer: LtxTrailer;
  /** The header as it is in the file. */
  readonly head: Uint8Array;
  /** The index and the trailer as they are in the file. */
  readonly tail: Uint8Array;
  /** The whole file, where it was fetched whole. */
  readonly body: Uint8Array | undefined;
}

/**
 * Loads the header, the index and the trailer: in one request where the file is fetched whole, else
 * in two at once and, where the index is larger than most, one more.
 *
 * @throws {HeadwaterError} `CORRUPT` when they are not those of an LTX file of this name.
 */
export async function loadFile(
  store: Pick<ObjectSource, "name" | "read">,
  object: ReplicaFile,
  isWhole: boolean,
  options: ReadOptions,
): Promise<LoadedFile> {
  const { size } = object;
  const name = `${store.name}/${object.key}`;
  if (size < MIN_FILE_SIZE) {
    throw corrupt(`${name}: ${size} bytes are no LTX file, which has at least ${MIN_FILE_SIZE}`);
  }
  const likelySize = Math.min(MOST_TAIL, Math.ceil(size * TAIL_PART));
  const tailSize = Math.min(size, Math.max(LEAST_TAIL, likelySize, TAIL_SIZE));
  if (isWhole) {
    const body = await store.read(object, 0, size, options);
    return naming(name, () => parseFile(object, body, body, body));
  }
  const [head, end] = await Promise.all([
    store.read(object, 0, HEADER_SIZE, options),
    store.read(object, size - tailSize, tailSize, options),
  ]);
  const { offset } = naming(name, () => locatePageIndex(end, size, parseHeader(head)));
  const missing = size - tailSize - offset;
  if (missing <= 0) return naming(name, () => parseFile(object, head, end, undefined));
  const before = await store.read(object, offset, missing, options);
  return naming(name, () => parseFile(object, head, Buffer.concat([before, end]), undefined));
}

/**
 * Checks a file that was fetched whole; of another one nothing can be known.
 *
 * @throws {HeadwaterError} `CORRUPT`, with its name.
 */
export async function verifyBody(storeName: string, { object, body }: LoadedFile): Promise<void> {
  if (body === undefined) return;
  async function* source(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
    yield bytes;
  }
  await verifyLtx(source(body)).catch((error) =>
    naming(`${storeName}/${object.key}`, () => {
      throw error;
    }),
  );
}

/** @param end the last bytes of the file, at least the index and what follows. */
function parseFile(
  object: ReplicaFile,
  beginning: Uint8Array,
  end: Uint8Array,
  body: Uint8Array | undefined,
): LoadedFile {
  const { size, minTxid, maxTxid } = object;
  const head = beginning.slice(0, HEADER_SIZE);
  const header = parseHeader(head);
  if (header.minTxid !== minTxid || header.maxTxid !== maxTxid) {
    const txids = `${header.minTxid} to ${header.maxTxid}`;
    throw corrupt(`its header is of TXIDs ${txids}, not of those in its name`, 0);
  }
  const { offset, length } = locatePageIndex(end, size);
  const tail = end.slice(end.length - (size - offset));
  const index = parsePageIndex(tail.subarray(0, length), offset, header);
  const trailerOffset = size - TRAILER_SIZE;
  const trailer = parseTrailer(tail.subarray(-TRAILER_SIZE), header, trailerOffset);
  return { object, header, index, trailer, head, tail, body };
}

/** What is wrong with a file is told with its name. */
function naming<Result>(name: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof HeadwaterError)) throw error;
    throw new HeadwaterError(error.code, `${name}: ${error.message}`, { cause: error });
  }
}
