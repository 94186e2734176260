import type { AsyncBuffer, FileMetaData } from "hyparquet";
import { exactBuffer } from "./exact-buffer.ts";
import type { HydratableBlob, HydrationWish, NamedRange } from "./named-ranges.ts";
import type { ReadableBlob } from "./streams/index.ts";

/** What is needed of a clone here: the package's own clones have it. */
export type Readable = Pick<ReadableBlob, "size" | "read">;

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
      return exactBuffer(bytes);
    },
  };
}

/** Which column chunks of a Parquet file. */
export interface ColumnChoice {
  /** Of the file, by hyparquet's `parquetMetadataAsync`. */
  readonly metadata: FileMetaData;
  /** By the names of the columns, or of the outermost fields of nested ones. Default: all. */
  readonly columns?: readonly string[];
  /** The first row group, and the one after the last. Default: all. */
  readonly rowGroups?: { readonly first: number; readonly end: number };
}

/**
 * Where the column chunks are, named like "row group 3 / delay".
 *
 * @throws {TypeError} naming the columns that there are, when one is none of them.
 */
export function columnRanges({ metadata, columns, rowGroups }: ColumnChoice): NamedRange[] {
  const wanted = columns && new Set(columns);
  const known = new Set<string>();
  const ranges: NamedRange[] = [];
  const { first = 0, end = metadata.row_groups.length } = rowGroups ?? {};
  for (const [index, group] of metadata.row_groups.entries()) {
    for (const { meta_data: chunk } of group.columns) {
      if (chunk === undefined) continue;
      const [field = ""] = chunk.path_in_schema;
      known.add(field);
      if (index < first || index >= end || wanted?.has(field) === false) continue;
      const { dictionary_page_offset: dictionary, data_page_offset: data } = chunk;
      // Some writers give 0 where there is no dictionary.
      const offset = Number(dictionary ? min(dictionary, data) : data);
      const name = `row group ${index} / ${chunk.path_in_schema.join(".")}`;
      ranges.push({ offset, length: Number(chunk.total_compressed_size), name });
    }
  }
  const strange = [...(wanted ?? [])].filter((name) => !known.has(name));
  if (strange.length > 0 && metadata.row_groups.length > 0) {
    const names = [...known].join(", ");
    throw new TypeError(`no column is called ${strange.join(", ")}; there are: ${names}`);
  }
  return ranges;
}

/**
 * Brings column chunks before the rest: queries on these columns then wait for nothing.
 *
 * @throws {TypeError} naming the columns that there are, when one is none of them.
 */
export async function hydrateColumns(
  blob: HydratableBlob,
  choice: ColumnChoice,
  wish: HydrationWish = {},
): Promise<void> {
  await blob.hydrate({ ...wish, ranges: columnRanges(choice) });
}

function min(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}

function within(offset: number, size: number): number {
  return Math.min(size, Math.max(0, offset < 0 ? size + offset : offset));
}
