export * from "./checksum.ts";
export * from "./file-name.ts";
export * from "./header.ts";
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
export * from "./trailer.ts";
