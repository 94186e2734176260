import type {
  BTreeKind,
  DatabaseHeader,
  Layout,
  PageReader,
} from "../adapters/sqlite/btree/index.ts";

/** The layout of a database that a test makes page by page. */
export function makeLayout(pageCount: number, header: Partial<DatabaseHeader> = {}): Layout {
  const pageSize = header.pageSize ?? 512;
  return {
    pageCount,
    header: {
      pageSize,
      usableSize: pageSize,
      pageCount,
      freelistTrunk: 0,
      freelistCount: 0,
      isAutoVacuum: false,
      encoding: "utf-8",
      ...header,
    },
  };
}

export interface PageParts {
  readonly kind?: BTreeKind;
  /** What the cells begin with; in interior pages that is the child of each. */
  readonly cells?: readonly Uint8Array[];
  /** The last child, which makes it an interior page. */
  readonly rightmost?: number;
  /** Default 512. */
  readonly pageSize?: number;
  /** Where the page's header begins. Default 0. */
  readonly start?: number;
}

/** A page of a b-tree with its cells at its end. */
export function makePage(parts: PageParts): Uint8Array {
  const { kind = "table", cells = [], rightmost, pageSize = 512, start = 0 } = parts;
  const bytes = new Uint8Array(pageSize);
  const view = new DataView(bytes.buffer);
  const isLeaf = rightmost === undefined;
  view.setUint8(start, (kind === "table" ? 5 : 2) + (isLeaf ? 8 : 0));
  view.setUint16(start + 3, cells.length);
  if (!isLeaf) view.setUint32(start + 8, rightmost);
  let end = pageSize;
  for (const [index, cell] of cells.entries()) {
    end -= Math.max(4, cell.length);
    bytes.set(cell, end);
    view.setUint16(start + (isLeaf ? 8 : 12) + 2 * index, end);
  }
  view.setUint16(start + 5, end);
  return bytes;
}

/** An interior page of a table with these children. */
export function makeInterior(children: readonly number[], parts: PageParts = {}): Uint8Array {
  const cells = children.slice(0, -1).map((child, index) => {
    const cell = new Uint8Array(5);
    new DataView(cell.buffer).setUint32(0, child);
    cell[4] = index;
    return cell;
  });
  return makePage({ ...parts, cells, rightmost: children.at(-1) ?? 0 });
}

/** Reads made pages, by their numbers; the others are zeros. */
export function makeReader(
  layout: Layout,
  pages: Readonly<Record<number, Uint8Array>>,
): PageReader & { readonly reads: number[] } {
  const reads: number[] = [];
  const read = async (pgno: number): Promise<Uint8Array> => {
    reads.push(pgno);
    return pages[pgno] ?? new Uint8Array(layout.header.pageSize);
  };
  return { ...layout, read, reads };
}
