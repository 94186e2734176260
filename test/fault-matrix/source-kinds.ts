import { http } from "../../adapters/http/index.ts";
import { verified } from "../../adapters/manifest/index.ts";
import { s3 } from "../../adapters/s3/index.ts";
import { patternBytes } from "../../adapters/testing/index.ts";
import type { SourceOpener } from "../../lib/index.ts";
import { make } from "../manifests.ts";
import { startOrigin } from "../origin/client.ts";
import { Bucket } from "../s3/bucket.ts";
import { startSwift } from "../s3/swift.ts";

/** How patient a source is, in milliseconds. */
export interface Patience {
  readonly headersTimeoutMs: number;
  readonly stallTimeoutMs: number;
}

/** A server that works, and the source that reads it through a proxy. */
export interface SourceKind extends AsyncDisposable {
  readonly name: string;
  /** Where the proxy finds the server, of plain http. */
  readonly upstream: string;
  /** Whether what is refused once is signed anew and asked for again. */
  readonly signs?: boolean;
  /** Whether digests show what nothing else does. */
  readonly verifies?: boolean;
  /** What the blob holds there. */
  bytes(offset: number, length: number): Uint8Array;
  /** Reads it through a proxy at this origin, with one request for its opening. */
  opener(origin: string, patience: Patience): SourceOpener;
}

/** @param size of the blob. */
export async function httpKind(size: number): Promise<SourceKind> {
  const server = await startOrigin();
  const seed = 7;
  const content = server.bytes(seed, 0, size);
  return {
    name: "HTTP",
    upstream: server.url(""),
    bytes: (offset, length) => content.subarray(offset, offset + length),
    opener: (origin, patience) => http(`${origin}/blob?size=${size}&seed=${seed}`, patience),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

/** Undefined, with a line that says so, where there is no S3 server. */
export async function s3Kind(size: number): Promise<SourceKind | undefined> {
  const swift = await startSwift();
  if (swift === undefined) return undefined;
  const content = patternBytes(size);
  await (await new Bucket(swift, "blobs").create()).put("blob", content);
  return {
    name: "S3",
    upstream: swift.endpoint,
    signs: true,
    bytes: (offset, length) => content.subarray(offset, offset + length),
    opener: (origin, patience) => {
      const { credentials } = swift;
      return s3("s3://blobs/blob", { endpoint: origin, credentials, http: patience });
    },
    [Symbol.asyncDispose]: () => swift.stop(),
  };
}

/** The same with a manifest of digests. Whoever has the kind disposes of it. */
export async function verifiedKind(kind: SourceKind, size: number): Promise<SourceKind> {
  const manifest = await make(kind.bytes(0, size), { blockSize: 65_536 });
  return {
    ...kind,
    name: `${kind.name} with a manifest`,
    verifies: true,
    opener: (origin, patience) => verified(kind.opener(origin, patience), { manifest }),
    [Symbol.asyncDispose]: async () => {},
  };
}
