export * from "./checksum.ts";
export * from "./file-name.ts";
export { FileStore } from "./file-store.ts";
export * from "./header.ts";
export { type LitestreamOptions, litestream } from "./litestream.ts";
export { LtxSource } from "./ltx-source.ts";
export { decodeFrame, maxFrameSize } from "./page-frame.ts";
export {
  INDEX_SIZE_SIZE,
  locatePageIndex,
  MIN_FILE_SIZE,
  PageIndex,
  parsePageIndex,
  TAIL_SIZE,
} from "./page-index.ts";
export { contentPages, isPageSize, lockPage } from "./page-size.ts";
export * from "./store.ts";
export * from "./trailer.ts";
