import type { ByteRange, Clone } from "../../lib/index.ts";
import { openPageReader, type PageReader } from "./btree/index.ts";

/** So many reads at once leave room for those that somebody waits for. */
const MOST_READS = 6;

interface Asked {
  readonly pgno: number;
  resolve(bytes: Uint8Array): void;
  reject(error: unknown): void;
}

/**
 * The pages of a clone, for walks: only what is asked for is fetched, and what is asked for in one
 * turn of the event loop and lies side by side comes in one request.
 */
export async function openClonePages(clone: Clone, signal?: AbortSignal): Promise<PageReader> {
  const layout = await openPageReader(
    {
      size: clone.size,
      read: (offset, length) =>
        clone.read(offset, length, { ...(signal && { signal }), exact: true }),
    },
    signal,
  );
  const { pageSize } = layout.header;
  let asked: Asked[] = [];
  const runs: (readonly Asked[])[] = [];
  let reading = 0;
  const readNext = (): void => {
    while (reading < MOST_READS) {
      const run = runs.shift();
      if (run === undefined) return;
      reading += 1;
      void readRun(clone, pageSize, run, signal).finally(() => {
        reading -= 1;
        readNext();
      });
    }
  };
  const ask = (): void => {
    const all = asked.sort((one, other) => one.pgno - other.pgno);
    asked = [];
    for (let first = 0; first < all.length; ) {
      let end = first + 1;
      while (end < all.length && follows(all[end - 1] as Asked, all[end] as Asked)) end += 1;
      runs.push(all.slice(first, end));
      first = end;
    }
    readNext();
  };
  const read = (pgno: number): Promise<Uint8Array> =>
    new Promise((resolve, reject) => {
      if (asked.length === 0) queueMicrotask(ask);
      asked.push({ pgno, resolve, reject });
    });
  return { ...layout, read };
}

function follows(one: Asked, other: Asked): boolean {
  return other.pgno - one.pgno <= 1;
}

async function readRun(
  clone: Clone,
  pageSize: number,
  run: readonly Asked[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const first = (run[0] as Asked).pgno;
  const offset = (first - 1) * pageSize;
  const length = ((run.at(-1) as Asked).pgno - first + 1) * pageSize;
  try {
    const bytes = await clone.read(offset, length, { ...(signal && { signal }), exact: true });
    for (const { pgno, resolve } of run) {
      const page = new Uint8Array(pageSize); // what the file lacks of its last page reads as zeros
      page.set(bytes.subarray((pgno - first) * pageSize, (pgno - first + 1) * pageSize));
      resolve(page);
    }
  } catch (error) {
    for (const { reject } of run) reject(error);
  }
}

/**
 * Where pages lie, side by side joined.
 *
 * @param pgnos in any order.
 * @param gap what lies between is joined too where it is no more than so many bytes: a request for
 *   each would cost more. Default: as far as all of it is no more than a twentieth of the pages.
 */
export function rangesOfPages(
  pgnos: Iterable<number>,
  pageSize: number,
  gap?: number,
): ByteRange[] {
  const sorted = Uint32Array.from(pgnos).sort();
  const joined = gap === undefined ? cheapGap(sorted) : Math.floor(gap / pageSize);
  const ranges: ByteRange[] = [];
  let first = 0;
  for (let next = 1; next <= sorted.length; next += 1) {
    const last = sorted[next - 1] as number;
    if (next < sorted.length && (sorted[next] as number) - last - 1 <= joined) continue;
    const start = sorted[first] as number;
    ranges.push({ offset: (start - 1) * pageSize, length: (last - start + 1) * pageSize });
    first = next;
  }
  return ranges;
}

/** The widest gap, in pages, up to which all gaps together are a twentieth of the pages at most. */
function cheapGap(sorted: Uint32Array): number {
  const counts = new Map<number, number>();
  for (let next = 1; next < sorted.length; next += 1) {
    const gap = (sorted[next] as number) - (sorted[next - 1] as number) - 1;
    counts.set(gap, (counts.get(gap) ?? 0) + 1);
  }
  let allowance = Math.floor(sorted.length / 20);
  let widest = 0;
  for (const [gap, count] of [...counts].sort(([one], [other]) => one - other)) {
    allowance -= gap * count;
    if (allowance < 0) break;
    widest = Math.max(0, gap);
  }
  return widest;
}
