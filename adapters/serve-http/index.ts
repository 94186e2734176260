export type { ServedBlob } from "../range-answer/index.ts";
export type { ReadableBlob } from "../streams/index.ts";
export type { ServedBlobs } from "./blob-table.ts";
export type { GateOptions } from "./gate.ts";
export type { HttpLimits } from "./limits.ts";
export {
  HttpServer,
  type HttpServerOptions,
  type HttpServerStats,
  serveHttp,
} from "./server.ts";
