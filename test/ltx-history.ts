import { formatFileName } from "../adapters/ltx/index.ts";
import { MemoryObjects } from "./devices/memory-objects.ts";
import { compactFiles, encodeFile, plainHeader } from "./ltx-writing.ts";

/** Pages by number. */
export type Pages = Readonly<Record<number, Uint8Array>>;

/** A database whose every transaction is replicated, and what it was after each. */
export class History {
  readonly store: MemoryObjects = new MemoryObjects();
  readonly pageSize: number;
  /** By TXID; nothing before the first. */
  readonly states: Uint8Array[] = [new Uint8Array(0)];

  constructor(pageSize: number) {
    this.pageSize = pageSize;
  }

  get txid(): number {
    return this.states.length - 1;
  }

  get newest(): Uint8Array {
    return this.states.at(-1) as Uint8Array;
  }

  /** One transaction. Pages of a growing database that are not written are zeros. */
  async commit(commit: number, pages: Pages): Promise<void> {
    const { pageSize, txid } = this;
    const state = new Uint8Array(commit * pageSize);
    state.set(this.newest.subarray(0, state.length));
    for (const [pgno, page] of Object.entries(pages)) {
      state.set(page, (Number(pgno) - 1) * pageSize);
    }
    this.states.push(state);
    const minTxid = BigInt(txid + 1);
    const timestamp = 1_700_000_000_000 + 1000 * (txid + 1);
    const header = plainHeader({ pageSize, commit, minTxid, timestamp });
    this.#put(0, txid + 1, txid + 1, await encodeFile({ header, pages }));
  }

  /** Adds a file of a level that holds these transactions, of those that are in smaller files. */
  async compact(level: number, min: number, max: number): Promise<void> {
    const parts: Uint8Array[] = [];
    for (let txid = min; txid <= max; txid += 1) {
      const key = keyOf(0, txid, txid);
      const bytes = this.#removed.get(key) ?? this.store.objects.get(key);
      if (bytes === undefined) throw new Error(`there is no ${key}`);
      parts.push(bytes);
    }
    this.#put(level, min, max, await compactFiles(parts));
  }

  /** Takes a file away, as a retention does. */
  remove(level: number, min: number, max: number): void {
    const key = keyOf(level, min, max);
    const bytes = this.store.objects.get(key);
    if (bytes === undefined) throw new Error(`there is no ${key}`);
    this.#removed.set(key, bytes);
    this.store.objects.delete(key);
  }

  readonly #removed = new Map<string, Uint8Array>();

  #put(level: number, min: number, max: number, bytes: Uint8Array): void {
    this.store.objects.set(keyOf(level, min, max), bytes);
  }
}

export function keyOf(level: number, min: number, max: number): string {
  const name = formatFileName({ minTxid: BigInt(min), maxTxid: BigInt(max) });
  return `ltx/${level}/${name}`;
}

/** A page that can be compressed to about half, and is like no other of another number or seed. */
export function makePage(pageSize: number, pgno: number, seed: number): Uint8Array {
  const page = new Uint8Array(pageSize);
  let state = (pgno * 2654435761 + seed * 40503 + 1) >>> 0;
  for (let at = 0; at < pageSize / 2; at += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    page[at] = state >>> 24;
  }
  return page;
}

/** Pages `first` to `last`, each `makePage`. */
export function makePages(pageSize: number, first: number, last: number, seed: number): Pages {
  const pages: Record<number, Uint8Array> = {};
  for (let pgno = first; pgno <= last; pgno += 1) pages[pgno] = makePage(pageSize, pgno, seed);
  return pages;
}
