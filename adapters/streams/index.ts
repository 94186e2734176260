export { nodeStream } from "./node-stream.ts";
export { readPieces, type StreamOptions } from "./pieces.ts";
export { type BlobState, guardVersion, type ReadableBlob } from "./readable-blob.ts";
export { streamOf, webStream } from "./web-stream.ts";
