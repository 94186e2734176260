export { childrenOf, type OverflowHead, overflowHeads } from "./cells.ts";
export {
  DATABASE_HEADER_SIZE,
  type DatabaseHeader,
  parseDatabaseHeader,
  type TextEncoding,
} from "./database-header.ts";
export { type FreelistOptions, type FreelistTrunk, freelist } from "./freelist.ts";
export {
  isContentPage,
  isPointerMapPage,
  type Layout,
  lockPage,
  pointerMapPages,
} from "./layout.ts";
export { type OverflowOptions, type OverflowPage, overflowPages } from "./overflow.ts";
export { type BTreeKind, type BTreePage, parseBTreePage } from "./page-header.ts";
export { type BlobReader, openPageReader, type PageReader } from "./page-reader.ts";
export { PageSet } from "./page-set.ts";
export type { PageReadOptions } from "./read-pages.ts";
export { readSchema } from "./read-schema.ts";
export { SCHEMA_ROOT, Schema, type SchemaKind, type SchemaObject } from "./schema.ts";
export { type Neighbors, Siblings, type SiblingsOptions } from "./siblings.ts";
export { leafPages, type WalkedPage, type WalkOptions, walkBTrees } from "./walk.ts";
