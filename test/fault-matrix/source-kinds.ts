import { http } from "../../adapters/http/index.ts";
import type { SourceOpener } from "../../lib/index.ts";
import { type OriginClient, startOrigin } from "../origin/client.ts";

/** How patient a source is, in milliseconds. */
export interface Patience {
  readonly headersTimeoutMs: number;
  readonly stallTimeoutMs: number;
}

/** A server that works, and the source that reads it through a proxy. */
export interface SourceKind extends AsyncDisposable {
  /** As it stands in the table. */
  readonly name: string;
  /** Where the proxy finds the server, of plain http. */
  readonly upstream: string;
  /** Requests before the blob's first byte. */
  readonly openingRequests: number;
  /** What the blob holds there. */
  bytes(offset: number, length: number): Uint8Array;
  /** Reads it through a proxy at this origin. */
  opener(origin: string, patience: Patience): SourceOpener;
}

/** @param size of the blob. */
export async function httpKind(size: number, seed: number): Promise<SourceKind> {
  const server: OriginClient = await startOrigin();
  const content = server.bytes(seed, 0, size);
  return {
    name: "HTTP",
    upstream: server.url(""),
    openingRequests: 1,
    bytes: (offset, length) => content.subarray(offset, offset + length),
    opener: (origin, patience) => http(`${origin}/blob?size=${size}&seed=${seed}`, patience),
    [Symbol.asyncDispose]: () => server.close(),
  };
}
