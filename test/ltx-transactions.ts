import fc from "fast-check";
import { lockPage } from "../adapters/ltx/index.ts";
import { checkedHeader, type FileSpec, plainHeader } from "./ltx-writing.ts";

/** One transaction: how long the database is after it, and what it fills each page with. */
interface Transaction {
  readonly commit: number;
  readonly pages: readonly { readonly pgno: number; readonly seed: number }[];
}

export interface History {
  readonly pageSize: number;
  readonly transactions: readonly Transaction[];
  /** Whether the first is a snapshot, and so begins with transaction 1. */
  readonly isWhole: boolean;
}

const transaction: fc.Arbitrary<Transaction> = fc.record({
  commit: fc.oneof({ weight: 1, arbitrary: fc.constant(0) }, { weight: 9, arbitrary: fc.nat(12) }),
  pages: fc.array(fc.record({ pgno: fc.nat(11), seed: fc.nat(65_535) }), { maxLength: 8 }),
});

/** Databases that shrink, grow, are emptied and written in every order. */
export const histories: fc.Arbitrary<History> = fc.record({
  pageSize: fc.integer({ min: 9, max: 16 }).map((bits) => 2 ** bits),
  transactions: fc.array(transaction, { minLength: 1, maxLength: 8 }),
  isWhole: fc.boolean(),
});

/** Half of it repeats, so that there is something to compress, and the rest does not. */
export function pageBytes(pageSize: number, seed: number): Uint8Array {
  const page = new Uint8Array(pageSize).fill(seed);
  let state = seed + 1;
  for (let at = 0; at < pageSize; at += seed % 7 === 0 ? 1 : 19) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    page[at] = state >>> 24;
  }
  return page;
}

/** The files of a history, without checksums. */
export function filesOf({ pageSize, transactions, isWhole }: History): readonly FileSpec[] {
  return transactions.map(({ commit, pages }, index) => {
    const txid = BigInt(index + (isWhole ? 1 : 2));
    const contents: Record<number, Uint8Array> = {};
    if (txid === 1n) {
      for (let pgno = 1; pgno <= commit; pgno++) contents[pgno] = pageBytes(pageSize, pgno);
    }
    for (const { pgno, seed } of pages) {
      if (pgno < commit) contents[pgno + 1] = pageBytes(pageSize, seed);
    }
    return { header: plainHeader({ pageSize, commit, minTxid: txid }), pages: contents };
  });
}

/** The same files with the checksums of the databases that the model says. */
export function withChecksums(files: readonly FileSpec[], sums: readonly bigint[]): FileSpec[] {
  return files.map((file, index) => {
    const { pageSize, commit, minTxid } = file.header;
    const preApplyChecksum = minTxid === 1n ? 0n : (sums[index] ?? 0n);
    const header = checkedHeader({ pageSize, commit, minTxid, preApplyChecksum });
    return { ...file, header, postApplyChecksum: sums[index + 1] ?? 0n };
  });
}

/** A database as a plain map of pages: what applying files with truncation means. */
export class Model {
  readonly pages: Map<number, Uint8Array> = new Map();
  commit = 0;

  apply({ header, pages }: FileSpec): void {
    for (const [pgno, bytes] of Object.entries(pages))
      this.pages.set(Number(pgno), bytes as Uint8Array);
    for (const pgno of this.pages.keys()) if (pgno > header.commit) this.pages.delete(pgno);
    this.commit = header.commit;
  }

  bytes(pageSize: number): Uint8Array {
    const all = new Uint8Array(this.commit * pageSize);
    for (const [pgno, bytes] of this.pages) {
      if (pgno !== lockPage(pageSize)) all.set(bytes, (pgno - 1) * pageSize);
    }
    return all;
  }
}
