import type { ByteRange, ReadOptions } from "../../lib/index.ts";
import { planAdvance } from "./advance-plan.ts";
import { type Assembly, loadAll } from "./replica.ts";
import type { ObjectSource } from "./store.ts";

/**
 * The parts of the database that are not as they were after transaction `from`: what the files
 * between the two hold, what they cut away, and the first page, which tells the transaction.
 *
 * @returns in ascending order; undefined where nobody can say.
 */
export async function changedPages(
  store: ObjectSource,
  { txid, pages, listed }: Assembly,
  from: bigint,
  options: ReadOptions,
): Promise<readonly ByteRange[] | undefined> {
  if (from > txid) return undefined;
  if (from === txid) return [];
  const { files, spansWithSnapshot } = planAdvance(listed, from, txid);
  if (spansWithSnapshot) return undefined;
  const known = pages.files.map(({ file }) => file);
  const loaded = await loadAll(store, files, { ...options, known });
  const changed = new Uint8Array(pages.commit + 1);
  changed[1] = 1;
  for (const { header, index } of loaded) {
    changed.fill(1, Math.min(header.commit, pages.commit) + 1);
    for (const pgno of index.pgnos) changed[pgno] = 1;
  }
  return rangesOf(changed, pages.pageSize);
}

function rangesOf(changed: Uint8Array, pageSize: number): ByteRange[] {
  const ranges: ByteRange[] = [];
  for (let first = changed.indexOf(1); first !== -1; ) {
    const next = changed.indexOf(0, first);
    const end = next === -1 ? changed.length : next;
    ranges.push({ offset: (first - 1) * pageSize, length: (end - first) * pageSize });
    first = changed.indexOf(1, end);
  }
  return ranges;
}
