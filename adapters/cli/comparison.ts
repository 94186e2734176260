import type { FileHandle } from "node:fs/promises";
import { setImmediate, setTimeout } from "node:timers/promises";
import { type ByteRange, HeadwaterError, type SourceDevice } from "../../lib/index.ts";

/** What is asked of the source at once, in bytes, and how many such reads overlap. */
const READ_SIZE = 4 * 2 ** 20;
const READS_AT_ONCE = 4;

/** What is compared without a pause for others on the event loop, in bytes. */
const SLICE_SIZE = 256 * 2 ** 10;

/** Differences with fewer equal bytes between them are told as one. */
const JOINED_BELOW = 64;

/** Of the ranges that are remembered; the bytes are all counted. */
const RANGE_LIMIT = 1000;

const TRIES = 4;
const PAUSE_MS = 500;

/** Where two things of the same size differ. */
export interface Differences {
  readonly byteCount: number;
  /** The first of them, in order. */
  readonly ranges: readonly ByteRange[];
}

/**
 * Reads the whole source and compares it with a file of the same size.
 *
 * @param compared is told how many bytes were compared so far.
 * @throws {HeadwaterError} what the source throws, after some tries; `SHORT_READ` when the file
 *   became shorter meanwhile.
 */
export async function compareWithFile(
  source: SourceDevice,
  file: FileHandle,
  signal: AbortSignal,
  compared: (bytes: number) => void,
): Promise<Differences> {
  const differences = new DifferenceList();
  let offset = 0;
  for await (const theirs of readInOrder(source, signal)) {
    const ours = new Uint8Array(theirs.length);
    await readFileInto(file, offset, ours);
    await differences.compare(offset, theirs, ours);
    offset += theirs.length;
    compared(offset);
  }
  return differences;
}

/**
 * Reads a whole source from the beginning to the end.
 *
 * @throws {HeadwaterError} what the source throws, after some tries.
 */
export async function* readInOrder(
  source: SourceDevice,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const ahead: Promise<Uint8Array>[] = [];
  let asked = 0;
  while (asked < source.size || ahead.length > 0) {
    while (asked < source.size && ahead.length < READS_AT_ONCE) {
      const length = Math.min(READ_SIZE, source.size - asked);
      const read = readPatiently(source, asked, length, signal);
      read.catch(() => undefined); // thrown when its turn comes, if it comes
      ahead.push(read);
      asked += length;
    }
    yield (await ahead.shift()) ?? new Uint8Array();
  }
}

class DifferenceList implements Differences {
  byteCount = 0;
  readonly ranges: ByteRange[] = [];

  async compare(offset: number, theirs: Uint8Array, ours: Uint8Array): Promise<void> {
    for (let at = 0; at < theirs.length; at += SLICE_SIZE) {
      const slice = theirs.subarray(at, at + SLICE_SIZE);
      const local = ours.subarray(at, at + SLICE_SIZE);
      if (Buffer.compare(slice, local) !== 0) this.#findIn(offset + at, slice, local);
      await setImmediate();
    }
  }

  #findIn(offset: number, theirs: Uint8Array, ours: Uint8Array): void {
    theirs.forEach((byte, index) => {
      if (byte !== ours[index]) this.#add(offset + index);
    });
  }

  #add(offset: number): void {
    this.byteCount += 1;
    const last = this.ranges.at(-1);
    if (last !== undefined && offset - (last.offset + last.length) < JOINED_BELOW) {
      const length = offset + 1 - last.offset;
      this.ranges[this.ranges.length - 1] = { offset: last.offset, length };
    } else if (this.ranges.length < RANGE_LIMIT) {
      this.ranges.push({ offset, length: 1 });
    }
  }
}

/** Tries again where that may help. */
async function readPatiently(
  source: SourceDevice,
  offset: number,
  length: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await source.read(offset, length, { signal, class: "background" });
    } catch (error) {
      if (!(error instanceof HeadwaterError && error.retryable) || tries === TRIES) throw error;
      const pauseMs = Math.max(error.retryAfterMs ?? 0, PAUSE_MS * 2 ** (tries - 1));
      await setTimeout(pauseMs, undefined, { signal });
    }
  }
}

/** Fills `target`. @throws {HeadwaterError} `SHORT_READ` */
export async function readFileInto(
  file: FileHandle,
  offset: number,
  target: Uint8Array,
): Promise<void> {
  let filled = 0;
  while (filled < target.length) {
    const left = target.length - filled;
    const { bytesRead } = await file.read(target, filled, left, offset + filled);
    if (bytesRead === 0) {
      const message = `the file ends at ${offset + filled}; it became shorter while it was read`;
      throw new HeadwaterError("SHORT_READ", message);
    }
    filled += bytesRead;
  }
}
