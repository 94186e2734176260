import { randomFillSync } from "node:crypto";
import { closeSync, constants, openSync, readSync } from "node:fs";
import { type FileHandle, mkdtemp, open, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GIB, MIB } from "./report.ts";

/** Every origin serves this much or a first part of it. */
export const BLOB_SIZE: number = GIB;
/** The blob, two copies of it in turns, and room to breathe. */
const SPACE_NEEDED = 4 * GIB;

/** A folder for one run: where `HEADWATER_BENCH_FOLDER` says, or among temporary files. */
export async function makeFolder(): Promise<string> {
  const parent = process.env.HEADWATER_BENCH_FOLDER ?? tmpdir();
  const { bavail, bsize } = await statfs(parent);
  const free = bavail * bsize;
  if (free < SPACE_NEEDED) {
    throw new Error(`${parent} has ${free} bytes free, ${SPACE_NEEDED} are needed`);
  }
  return await mkdtemp(join(parent, "headwater-bench-"));
}

async function fill(file: FileHandle, size: number, next: () => Uint8Array): Promise<void> {
  for (let written = 0; written < size; ) {
    const { bytesWritten } = await file.write(next());
    written += bytesWritten;
  }
}

/** Random bytes, on the disk and in the page cache. */
export async function makeBlob(folder: string): Promise<string> {
  const path = join(folder, "blob.bin");
  const file = await open(path, "wx");
  try {
    const bytes = new Uint8Array(MIB);
    await fill(file, BLOB_SIZE, () => randomFillSync(bytes));
    await file.sync();
  } finally {
    await file.close();
  }
  return path;
}

/**
 * Touches memory that a copy will soon need. The first touch of a page can cost a virtual machine
 * more than the copy, and whoever comes first would pay it.
 */
export async function primeMemory(folder: string, size: number): Promise<void> {
  const path = join(folder, "prime");
  const file = await open(path, "wx");
  try {
    const zeros = new Uint8Array(MIB);
    await fill(file, size, () => zeros);
  } finally {
    await file.close();
    await rm(path);
  }
}

/** What another program has written, made as durable as our own copies are. */
export async function flushFile(path: string): Promise<void> {
  const file = await open(path, constants.O_RDWR);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A destination that does not exist, and afterwards is gone with all that is beside it. */
export async function withTarget<T>(
  folder: string,
  work: (path: string) => Promise<T>,
): Promise<T> {
  const target = await mkdtemp(join(folder, "target-"));
  try {
    return await work(join(target, "copy.bin"));
  } finally {
    await rm(target, { recursive: true });
  }
}

/** Whether a copy equals the first `size` bytes of the blob and has not one more. */
export async function sameBytes(copy: string, blob: string, size: number): Promise<boolean> {
  const [ours, theirs] = await Promise.all([open(copy), open(blob)]);
  try {
    if ((await ours.stat()).size !== size) return false;
    const [left, right] = [Buffer.alloc(MIB), Buffer.alloc(MIB)];
    for (let offset = 0; offset < size; offset += MIB) {
      const length = Math.min(MIB, size - offset);
      await Promise.all([
        ours.read(left, 0, length, offset),
        theirs.read(right, 0, length, offset),
      ]);
      if (!left.subarray(0, length).equals(right.subarray(0, length))) return false;
    }
    return true;
  } finally {
    await Promise.all([ours.close(), theirs.close()]);
  }
}

/** What the bytes should be: an error at the first answer that is wrong. */
export class BlobReader implements Disposable {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, "r");
  }

  check(offset: number, bytes: Uint8Array): void {
    const expected = Buffer.alloc(bytes.length);
    readSync(this.#file, expected, 0, bytes.length, offset);
    if (!expected.equals(bytes)) throw new Error(`wrong bytes at ${offset}`);
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }
}
