import { HeadwaterError } from "../../../lib/index.ts";
import { childrenOf } from "./cells.ts";
import { corruptPage } from "./corrupt.ts";
import { isContentPage } from "./layout.ts";
import { type BTreePage, parseBTreePage } from "./page-header.ts";
import type { PageReader } from "./page-reader.ts";
import { PageSet } from "./page-set.ts";
import { type PageReadOptions, readInOrder } from "./read-pages.ts";

/** SQLite goes through no b-tree with more pages from its root to a leaf. */
const MAX_DEPTH = 20;
/** How many b-trees are walked side by side: of each a page is held. */
const TREES_AT_ONCE = 1024;

export interface WalkOptions extends PageReadOptions {
  /**
   * The pages that something else has: naming one of them again is `CORRUPT`. The walk adds all
   * pages of its b-trees. Default: none.
   */
  seen?: PageSet | undefined;
}

/** An interior page of a b-tree, or the only page of one. */
export interface WalkedPage {
  readonly root: number;
  readonly page: BTreePage;
  /** The pages below it in the order of their keys; none below a leaf. */
  readonly children: Uint32Array;
  readonly childrenAreLeaves: boolean;
}

/** One b-tree, of which the walk has come to some level. */
interface Tree {
  readonly root: number;
  /** The first page of the level, which is interior. */
  readonly first: WalkedPage;
  /** The pages after it on the same level, in order. */
  readonly rest: readonly number[];
}

/**
 * Finds the pages of b-trees by reading their interior pages only, and in each b-tree one leaf: its
 * first, which says how far below the root all leaves are. Yields the interior pages level by
 * level, those of one b-tree and level in the order of their keys; and a root that is a leaf.
 *
 * All b-trees are walked side by side, and each level is asked for while the first page of the next
 * one is: as many times as a path has pages somebody waits for the origin, unless a level has more
 * pages than `concurrency`.
 *
 * @throws {HeadwaterError} `CORRUPT` when the pages form no b-trees. That a leaf is one is known
 *   only from its depth: in a corrupt database it may be something else.
 */
export async function* walkBTrees(
  reader: PageReader,
  roots: readonly number[],
  options: WalkOptions = {},
): AsyncGenerator<WalkedPage, void, undefined> {
  const { seen = new PageSet() } = options;
  for (const root of roots) {
    if (!isContentPage(reader, root)) throw corruptRoot(reader, root, "no page can be that");
    if (!seen.add(root)) throw corruptRoot(reader, root, "another one has it");
  }
  for (let first = 0; first < roots.length; first += TREES_AT_ONCE) {
    const some = roots.slice(first, first + TREES_AT_ONCE);
    yield* walkSome(reader, some, { ...options, seen });
  }
}

/**
 * The leaves of a b-tree in the order of their keys, in parts. Of the leaves only the first is
 * read.
 *
 * @throws {HeadwaterError} as `walkBTrees` does.
 */
export async function* leafPages(
  reader: PageReader,
  root: number,
  options: WalkOptions = {},
): AsyncGenerator<Uint32Array, void, undefined> {
  for await (const { page, children, childrenAreLeaves } of walkBTrees(reader, [root], options)) {
    if (page.isLeaf) yield Uint32Array.of(page.pgno);
    if (childrenAreLeaves) yield children;
  }
}

async function* walkSome(
  reader: PageReader,
  roots: readonly number[],
  options: WalkOptions & { readonly seen: PageSet },
): AsyncGenerator<WalkedPage, void, undefined> {
  let trees: Tree[] = [];
  for await (const { pgno, bytes } of readInOrder(reader, roots, options)) {
    const first = walked(reader, pgno, parseBTreePage(reader, pgno, bytes), options.seen);
    if (first.page.isLeaf) yield first;
    else trees.push({ root: pgno, first, rest: [] });
  }
  // Each turn reads the first page of one level more.
  for (let depth = 2; trees.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) throw tooDeep(reader, trees);
    trees = yield* walkLevel(reader, trees, options);
  }
}

/** Yields a level of each b-tree, and returns those that have another interior one below it. */
async function* walkLevel(
  reader: PageReader,
  trees: readonly Tree[],
  options: WalkOptions & { readonly seen: PageSet },
): AsyncGenerator<WalkedPage, Tree[], undefined> {
  const { seen } = options;
  const deeper: Tree[] = [];
  const pages = readInOrder(reader, pagesOfLevel(trees), options);
  const next = async (tree: Tree): Promise<WalkedPage> => {
    const { value } = await pages.next();
    const { pgno, bytes } = value as { pgno: number; bytes: Uint8Array };
    const page = parseBTreePage(reader, pgno, bytes);
    if (page.kind !== tree.first.page.kind) throw misplaced(reader, page, tree, "of another kind");
    return walked(reader, tree.root, page, seen);
  };
  try {
    const below: WalkedPage[] = [];
    for (const tree of trees) below.push(await next(tree));
    for (const [index, tree] of trees.entries()) {
      const first = below[index] as WalkedPage;
      const childrenAreLeaves = first.page.isLeaf;
      const rest: number[] = [];
      for (let count = 0; count <= tree.rest.length; count += 1) {
        const walkedPage = count === 0 ? tree.first : await next(tree);
        const { page } = walkedPage;
        if (page.isLeaf) throw misplaced(reader, page, tree, "higher than its first leaf");
        if (!childrenAreLeaves) for (const child of walkedPage.children) rest.push(child);
        yield { ...walkedPage, childrenAreLeaves };
      }
      rest.shift();
      if (!childrenAreLeaves) deeper.push({ root: tree.root, first, rest });
    }
  } finally {
    await pages.return();
  }
  return deeper;
}

/** What is read of a level: the first page of the one below it, and then the rest of it. */
function* pagesOfLevel(trees: readonly Tree[]): Generator<number, void, undefined> {
  for (const { first } of trees) yield first.children[0] as number;
  for (const { rest } of trees) yield* rest;
}

function walked(reader: PageReader, root: number, page: BTreePage, seen: PageSet): WalkedPage {
  const children = page.isLeaf ? new Uint32Array() : childrenOf(reader, page);
  for (const child of children) {
    if (seen.add(child)) continue;
    throw corruptPage(
      reader.header.pageSize,
      page.pgno,
      0,
      `a child is page ${child}, named before`,
    );
  }
  return { root, page, children, childrenAreLeaves: false };
}

function misplaced(reader: PageReader, page: BTreePage, tree: Tree, how: string): HeadwaterError {
  const what = `${page.isLeaf ? "a leaf" : "an interior page"} of ${page.kind} type`;
  const where = `in the b-tree with root ${tree.root}, of ${tree.first.page.kind} type`;
  return corruptPage(reader.header.pageSize, page.pgno, 0, `${what} ${where}, ${how}`);
}

function tooDeep(reader: PageReader, trees: readonly Tree[]): HeadwaterError {
  const { root, first } = trees[0] as Tree;
  const message = `the b-tree with root ${root} has more than ${MAX_DEPTH} levels`;
  return corruptPage(reader.header.pageSize, first.page.pgno, 0, message);
}

function corruptRoot(reader: PageReader, root: number, problem: string): HeadwaterError {
  const message = `a b-tree with root ${root}: ${problem}, of ${reader.pageCount} pages`;
  return new HeadwaterError("CORRUPT", message, { offset: (root - 1) * reader.header.pageSize });
}
