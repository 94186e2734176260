export * from "./apply.ts";
export * from "./checksum.ts";
export { type CompactedFile, type CompactOptions, compactLtx } from "./compactor.ts";
export { LtxDecoder, type LtxPage } from "./decoder.ts";
export { LtxEncoder, type WriteBytes } from "./encoder.ts";
export * from "./file-name.ts";
export { FileStore } from "./file-store.ts";
export * from "./header.ts";
export type { HttpStoreOptions } from "./http-store.ts";
export { type ReplicaFile, SNAPSHOT_LEVEL } from "./list-files.ts";
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
export { type Assembly, assemble, listReplica } from "./replica.ts";
export { type ReplicaAccess, type ReplicaOrigin, replicaOrigin } from "./replica-origin.ts";
export { planRestore, reachableTxids } from "./restore-plan.ts";
export * from "./store.ts";
export * from "./trailer.ts";
export { type LtxSummary, verifyLtx } from "./verify.ts";
