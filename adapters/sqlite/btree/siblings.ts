import { checkCount, isHeadwaterError } from "../../../lib/index.ts";
import { childrenOf } from "./cells.ts";
import { DATABASE_HEADER_SIZE } from "./database-header.ts";
import type { Layout } from "./layout.ts";
import { parseBTreePage } from "./page-header.ts";

/** Nothing goes up or down further than this, whatever the pages say. */
const MAX_DEPTH = 20;
const INTERIOR_TYPES: readonly (number | undefined)[] = [2, 5];

export interface SiblingsOptions {
  /**
   * Children of interior pages remembered at most, about 50 bytes for each; those of the interior
   * pages that were of no use for longest are forgotten first. Default 131072.
   */
  maxChildren?: number;
}

/** Pages on one level of a b-tree, in the order in which a scan reads them. */
export interface Neighbors {
  readonly pages: readonly number[];
  /** The interior page that names the next ones, where that is why there are no more. */
  readonly unseen: number | undefined;
}

interface Family {
  readonly parent: number;
  /** In the order of their keys. */
  readonly children: Uint32Array;
}

/**
 * What the interior pages that were seen say of others: which page lies beside which. Two pages
 * read of which the second is `after` the first tell a scan, and what is after it will be read.
 * All of it is a hint: pages change, and what was not seen is not known.
 */
export class Siblings {
  readonly #layout: Layout;
  readonly #maxChildren: number;
  /** By the parent, the one of use most lately last. */
  readonly #families = new Map<number, Family>();
  /** By each child. */
  readonly #familyOf = new Map<number, Family>();
  #childCount = 0;

  /** @param layout of the database as it is now: its page count may change. */
  constructor(layout: Layout, options: SiblingsOptions = {}) {
    this.#layout = layout;
    this.#maxChildren = checkCount("maxChildren", options.maxChildren ?? 131072);
  }

  /** How many children are remembered. */
  get childCount(): number {
    return this.#childCount;
  }

  /**
   * Sees a page that somebody read or wrote, of whatever sort. What it was before is forgotten.
   * Returns whether it looks like an interior page of a b-tree; some others do so by chance.
   */
  see(pgno: number, bytes: Uint8Array): boolean {
    const type = bytes[pgno === 1 ? DATABASE_HEADER_SIZE : 0];
    if (!INTERIOR_TYPES.includes(type)) {
      this.forget(pgno);
      return false;
    }
    try {
      this.add(pgno, childrenOf(this.#layout, parseBTreePage(this.#layout, pgno, bytes)));
      return true;
    } catch (error) {
      if (!isHeadwaterError(error, "CORRUPT")) throw error;
      this.forget(pgno);
      return false;
    }
  }

  /** Sees an interior page whose children, at least one, are known already in their order. */
  add(parent: number, children: Uint32Array): void {
    const known = this.#families.get(parent);
    if (known !== undefined && isSame(known.children, children)) {
      this.#use(known);
      return;
    }
    this.forget(parent);
    if (children.length === 0) return;
    const family = { parent, children };
    this.#families.set(parent, family);
    for (const child of children) this.#familyOf.set(child, family);
    this.#childCount += children.length;
    for (const { parent: oldest } of this.#families.values()) {
      if (this.#childCount <= this.#maxChildren || oldest === parent) break;
      this.forget(oldest);
    }
  }

  /** Forgets what this page was seen to say. */
  forget(parent: number): void {
    const family = this.#families.get(parent);
    if (family === undefined) return;
    this.#families.delete(parent);
    this.#childCount -= family.children.length;
    for (const child of family.children) {
      // Another page may have been seen to have it since.
      if (this.#familyOf.get(child) === family) this.#familyOf.delete(child);
    }
  }

  /** How many children this interior page has; 0 where it was not seen, or is forgotten. */
  childCountOf(parent: number): number {
    return this.#families.get(parent)?.children.length ?? 0;
  }

  /** The interior page right above this one, if it was seen. */
  parentOf(pgno: number): number | undefined {
    return this.#familyOf.get(pgno)?.parent;
  }

  /** The highest page above this one that was seen: its root, if all between were. */
  topOf(pgno: number): number {
    let top = pgno;
    for (let depth = 0; depth < MAX_DEPTH; depth += 1) {
      const parent = this.parentOf(top);
      if (parent === undefined) break;
      top = parent;
    }
    return top;
  }

  /** Up to `count` pages that follow this one on its level. */
  after(pgno: number, count: number): Neighbors {
    return this.#neighbors(pgno, count, 1);
  }

  /** Up to `count` pages before this one on its level, the nearest first. */
  before(pgno: number, count: number): Neighbors {
    return this.#neighbors(pgno, count, -1);
  }

  #neighbors(pgno: number, count: number, step: 1 | -1): Neighbors {
    const pages: number[] = [];
    let family = this.#familyOf.get(pgno);
    if (family === undefined) return { pages, unseen: undefined };
    this.#use(family);
    let index = family.children.indexOf(pgno);
    while (pages.length < count) {
      index += step;
      const page = family.children[index];
      if (page !== undefined) {
        pages.push(page);
        continue;
      }
      const next = this.#beside(family, step, MAX_DEPTH);
      if (typeof next !== "object") return { pages, unseen: next };
      this.#use(next);
      family = next;
      index = step === 1 ? -1 : next.children.length;
    }
    return { pages, unseen: undefined };
  }

  /**
   * The children that follow those of a family on their level; or the page that would have to be
   * seen to know them; or undefined where the b-tree ends or nothing above was seen.
   */
  #beside(family: Family, step: 1 | -1, depth: number): Family | number | undefined {
    const above = this.#familyOf.get(family.parent);
    if (above === undefined || depth === 0) return undefined;
    let parent = above.children[above.children.indexOf(family.parent) + step];
    if (parent === undefined) {
      const next = this.#beside(above, step, depth - 1);
      if (typeof next !== "object") return next;
      parent = next.children.at(step === 1 ? 0 : -1) as number;
    }
    return this.#families.get(parent) ?? parent;
  }

  /** What is above a family is of use as long as the family is. */
  #use(family: Family): void {
    let used: Family | undefined = family;
    for (let depth = 0; used !== undefined && depth < MAX_DEPTH; depth += 1) {
      this.#families.delete(used.parent);
      this.#families.set(used.parent, used);
      used = this.#familyOf.get(used.parent);
    }
  }
}

function isSame(some: Uint32Array, others: Uint32Array): boolean {
  return some.length === others.length && some.every((child, index) => child === others[index]);
}
