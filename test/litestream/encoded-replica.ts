import { readFile } from "node:fs/promises";
import { FileStore, formatFileName } from "../../adapters/ltx/index.ts";
import { encodeFile, plainHeader } from "../ltx-writing.ts";

/** Where SQLite says how large its pages are; 1 is 65 536. */
const PAGE_SIZE_AT = 16;

/** A replica in a folder that our encoder writes: a file for each transaction of a database. */
export class EncodedReplica {
  readonly url: string;
  readonly #store: FileStore;
  #state: Uint8Array = new Uint8Array(0);
  #txid = 0n;

  constructor(folder: string) {
    this.#store = new FileStore(folder);
    this.url = this.#store.name;
  }

  get txid(): bigint {
    return this.#txid;
  }

  /** Adds what has changed in a database file, which nobody writes meanwhile. */
  async add(database: string): Promise<void> {
    const bytes = new Uint8Array(await readFile(database));
    const view = new DataView(bytes.buffer);
    const stored = view.getUint16(PAGE_SIZE_AT);
    const pageSize = stored === 1 ? 65_536 : stored;
    const commit = bytes.length / pageSize;
    const pages: Record<number, Uint8Array> = {};
    for (let pgno = 1; pgno <= commit; pgno += 1) {
      const [start, end] = [(pgno - 1) * pageSize, pgno * pageSize];
      const page = bytes.subarray(start, end);
      if (Buffer.compare(page, this.#state.subarray(start, end)) !== 0) pages[pgno] = page;
    }
    this.#txid += 1n;
    this.#state = bytes;
    const header = plainHeader({
      ...{ pageSize, commit, minTxid: this.#txid, timestamp: Date.now() },
    });
    const name = formatFileName({ minTxid: this.#txid, maxTxid: this.#txid });
    await this.#store.put(`ltx/0/${name}`, await encodeFile({ header, pages }));
  }
}
