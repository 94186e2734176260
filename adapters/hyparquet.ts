import type { AsyncBuffer } from "hyparquet";

/** What is needed of a clone here: the package's own clones have it. */
export interface Readable {
  readonly size: number;
  /** Short or empty past the end; a buffer of its own, of exactly that length. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/**
 * A blob as hyparquet wants a file: `parquetReadObjects({ file: asyncBuffer(blob), columns })`.
 * Only the parts that a query needs are waited for; each of them lands in the copy.
 * Like `ArrayBuffer.slice`, it takes offsets from the end and cuts what lies outside.
 */
export function asyncBuffer(blob: Readable): AsyncBuffer {
  const { size } = blob;
  return {
    byteLength: size,
    slice: async (start, end = size) => {
      const first = within(start, size);
      const bytes = await blob.read(first, Math.max(0, within(end, size) - first));
      const { buffer } = bytes;
      const exact = buffer instanceof ArrayBuffer && buffer.byteLength === bytes.length;
      return exact ? buffer : new Uint8Array(bytes).buffer;
    },
  };
}

function within(offset: number, size: number): number {
  return Math.min(size, Math.max(0, offset < 0 ? size + offset : offset));
}
