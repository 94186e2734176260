import type { ByteRange, ReadOptions, SourceChanges } from "../../lib/index.ts";
import { planAdvance } from "./advance-plan.ts";
import {
  type AssembleOptions,
  type Assembly,
  isVanished,
  listReplica,
  loadAll,
  MOST_LISTINGS,
} from "./replica.ts";
import { type LoadedFile, verifyBody } from "./replica-file.ts";
import type { ObjectSource } from "./store.ts";

type ChangesOptions = ReadOptions & Pick<AssembleOptions, "layout">;

/**
 * The parts of the database that are not as they were after transaction `from`: what the files
 * between the two hold, what they cut away, and the first page, which tells the transaction.
 *
 * They are everything where nobody can say.
 *
 * @throws {HeadwaterError} `SOURCE_NOT_FOUND` when files vanish and the later transaction cannot be
 *   had any more.
 */
export async function changedPages(
  store: ObjectSource,
  assembly: Assembly,
  from: bigint,
  options: ChangesOptions,
): Promise<SourceChanges> {
  const { txid, pages } = assembly;
  const everything = [{ offset: 0, length: pages.size }];
  if (from > txid) {
    return {
      ranges: everything,
      reason: `the copy is of TXID ${from}, which is later than ${txid}`,
    };
  }
  if (from === txid) return { ranges: [] };
  const loaded = await filesBetween(store, assembly, from, options);
  if (loaded === undefined) {
    const reason =
      `only a snapshot is left of the files from TXID ${from} to ${txid}, ` +
      "and a snapshot does not tell which pages changed";
    return { ranges: everything, reason };
  }
  const changed = new Uint8Array(pages.commit + 1);
  changed[1] = 1;
  for (const { header, index } of loaded) {
    changed.fill(1, Math.min(header.commit, pages.commit) + 1);
    for (const pgno of index.pgnos) changed[pgno] = 1;
  }
  return { ranges: rangesOf(changed, pages.pageSize) };
}

/** What brings the one state to the other; undefined where only a snapshot does. */
async function filesBetween(
  store: ObjectSource,
  { txid, pages, listed: first }: Assembly,
  from: bigint,
  { layout, ...reading }: ChangesOptions,
): Promise<readonly LoadedFile[] | undefined> {
  const known = pages.files.map(({ file }) => file);
  let listed = first;
  for (let listings = 1; ; listings += 1) {
    const { files, spansWithSnapshot } = planAdvance(listed, from, txid);
    if (spansWithSnapshot) return undefined;
    try {
      const loaded = await loadAll(store, files, { ...reading, known });
      for (const file of loaded) if (!known.includes(file)) await verifyBody(store.name, file);
      return loaded;
    } catch (error) {
      if (!isVanished(error) || listings === MOST_LISTINGS) throw error;
      listed = await listReplica(store, layout, reading); // compacted meanwhile
    }
  }
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
