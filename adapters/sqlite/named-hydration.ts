import type { Clone } from "../../lib/index.ts";
import {
  type OverflowHead,
  overflowHeads,
  overflowPages,
  type PageReader,
  PageSet,
  parseBTreePage,
  readSchema,
  walkBTrees,
} from "./btree/index.ts";
import { openClonePages, rangesOfPages } from "./clone-pages.ts";

/** Pages whose cells are looked at together. */
const LOOKED_AT_ONCE = 256;

export interface NamedHydrationOptions {
  /** The highest is brought first. Default 0; everything that is not named comes after all. */
  priority?: number;
  signal?: AbortSignal;
  /** Called when more is known, or local. */
  onProgress?: (progress: NamedProgress) => void;
}

export interface TableHydrationOptions extends NamedHydrationOptions {
  /** Its indexes too. Default false. */
  indexes?: boolean;
}

/** How far something named is. */
export interface NamedProgress {
  readonly name: string;
  /** Pages that are known to belong to it: more, until its last leaf was looked at. */
  readonly pages: number;
  readonly localPages: number;
}

/** Makes b-trees local by their names: their pages, and no others, before everything else. */
export class NamedHydration {
  readonly #clone: Clone;

  constructor(clone: Clone) {
    this.#clone = clone;
  }

  /**
   * Resolves when every page of the table is local.
   *
   * @throws {RangeError} where there is no such table.
   * @throws {HeadwaterError} `CORRUPT` where the database is; what reading it throws.
   */
  async table(name: string, options: TableHydrationOptions): Promise<void> {
    const { indexes = false } = options;
    const reader = await this.#open(options);
    const schema = await readSchema(reader);
    await this.#bring(name, reader, schema.rootPagesOf(name, { indexes }), options);
  }

  /** The same for an index. */
  async index(name: string, options: NamedHydrationOptions): Promise<void> {
    const reader = await this.#open(options);
    const { objects } = await readSchema(reader);
    const wanted = name.toLowerCase();
    const found = objects.find(
      (object) => object.name.toLowerCase() === wanted && /index$/.test(object.kind),
    );
    if (found === undefined) throw new RangeError(`there is no index ${name}`);
    await this.#bring(name, reader, [found.rootPage], options);
  }

  #open({ signal }: NamedHydrationOptions): Promise<PageReader> {
    return openClonePages(this.#clone, signal);
  }

  /** First the interior pages, which name the leaves; then these; then what they name. */
  async #bring(
    name: string,
    reader: PageReader,
    roots: readonly number[],
    options: NamedHydrationOptions,
  ): Promise<void> {
    const { onProgress } = options;
    const { pageSize } = reader.header;
    let pages = 0;
    let localPages = 0;
    const tell = (): void => onProgress?.({ name, pages, localPages });
    const seen = new PageSet();
    const heads: OverflowHead[] = [];
    const leaves: number[] = [];
    for await (const walked of walkBTrees(reader, roots, { seen })) {
      const { page, children, childrenAreLeaves } = walked;
      heads.push(...overflowHeads(reader, page));
      if (childrenAreLeaves) for (const child of children) leaves.push(child);
      pages += 1;
      localPages += 1;
    }
    pages += leaves.length;
    tell();
    await this.#hydrate(leaves, pageSize, options);
    localPages += leaves.length;
    tell();
    for (let first = 0; first < leaves.length; first += LOOKED_AT_ONCE) {
      const some = leaves.slice(first, first + LOOKED_AT_ONCE);
      const read = await Promise.all(some.map((pgno) => reader.read(pgno)));
      for (const [index, bytes] of read.entries()) {
        const page = parseBTreePage(reader, some[index] as number, bytes);
        heads.push(...overflowHeads(reader, page));
      }
    }
    for (const { pageCount } of heads) pages += pageCount;
    if (heads.length > 0) tell();
    // The last page of a chain names none, and is asked for all the same.
    const chained: number[] = [];
    for await (const { pgno } of overflowPages(reader, heads, { seen })) chained.push(pgno);
    await this.#hydrate(chained, pageSize, options);
    localPages += chained.length;
    if (heads.length > 0) tell();
  }

  async #hydrate(
    pgnos: readonly number[],
    pageSize: number,
    { priority = 0, signal }: NamedHydrationOptions,
  ): Promise<void> {
    if (pgnos.length === 0) return;
    const ranges = rangesOfPages(pgnos, pageSize);
    await this.#clone.hydrate({ ranges, priority, ...(signal && { signal }) });
  }
}
