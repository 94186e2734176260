import { type CompactOptions, compactLtx } from "../adapters/ltx/compactor.ts";
import {
  CHECKSUM_FLAG,
  LtxDecoder,
  LtxEncoder,
  type LtxHeader,
  type LtxPage,
  type LtxTrailer,
  NO_CHECKSUM,
} from "../adapters/ltx/index.ts";

/** A header of a file without checksums, but for what is given. */
export function plainHeader(part: Partial<LtxHeader>): LtxHeader {
  return {
    flags: NO_CHECKSUM,
    pageSize: 1024,
    commit: 1,
    minTxid: 1n,
    maxTxid: part.minTxid ?? 1n,
    timestamp: 1000,
    preApplyChecksum: 0n,
    walOffset: 0,
    walSize: 0,
    walSalt1: 0,
    walSalt2: 0,
    nodeId: 0n,
    ...part,
  };
}

/** The same of a file with checksums: the one before it is by default its first transaction. */
export function checkedHeader(part: Partial<LtxHeader>): LtxHeader {
  const { minTxid = 1n } = part;
  const preApplyChecksum = minTxid === 1n ? 0n : CHECKSUM_FLAG | minTxid;
  return plainHeader({ flags: 0, preApplyChecksum, ...part });
}

/** A file of a few pages; each is a page number and its bytes, or the byte that fills it. */
export interface FileSpec {
  readonly header: LtxHeader;
  readonly pages: Readonly<Record<number, number | Uint8Array>>;
  readonly postApplyChecksum?: bigint;
}

export function pageOf(pageSize: number, content: number | Uint8Array): Uint8Array {
  return typeof content === "number" ? new Uint8Array(pageSize).fill(content) : content;
}

/** Gathers what is written. */
export class Sink {
  readonly #pieces: Uint8Array[] = [];

  readonly write = (bytes: Uint8Array): void => {
    this.#pieces.push(bytes);
  };

  get bytes(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.#pieces));
  }
}

export async function encodeFile({
  header,
  pages,
  postApplyChecksum,
}: FileSpec): Promise<Uint8Array> {
  const sink = new Sink();
  const encoder = new LtxEncoder(header, sink.write);
  for (const [pgno, content] of Object.entries(pages)) {
    await encoder.add(Number(pgno), pageOf(header.pageSize, content));
  }
  await encoder.finish(postApplyChecksum);
  return sink.bytes;
}

/** The bytes as a source that gives `pieceSize` of them at a time. */
export async function* inPieces(
  bytes: Uint8Array,
  pieceSize: number = Number.POSITIVE_INFINITY,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += pieceSize) yield bytes.subarray(at, at + pieceSize);
}

export interface DecodedFile {
  readonly header: LtxHeader;
  readonly pages: readonly LtxPage[];
  readonly trailer: LtxTrailer | undefined;
}

export async function decodeFile(bytes: Uint8Array, pieceSize?: number): Promise<DecodedFile> {
  const decoder = await LtxDecoder.open(inPieces(bytes, pieceSize));
  const pages: LtxPage[] = [];
  for await (const page of decoder.pages()) pages.push(page);
  return { header: decoder.header, pages, trailer: decoder.trailer };
}

export async function compactFiles(
  files: readonly Uint8Array[],
  options?: CompactOptions,
): Promise<Uint8Array> {
  const sink = new Sink();
  await compactLtx(
    files.map((file) => inPieces(file, 5000)),
    sink.write,
    options,
  );
  return sink.bytes;
}
