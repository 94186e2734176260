import { CHECKSUM_FLAG, formatChecksum } from "./checksum.ts";
import { corrupt } from "./corrupt.ts";
import { hasChecksums, type LtxHeader } from "./header.ts";

/** The bytes of a trailer. */
export const TRAILER_SIZE = 16;

/** The last bytes of an LTX file. */
export interface LtxTrailer {
  /** Of the database once the file was applied; 0 in a file without checksums. */
  readonly postApplyChecksum: bigint;
  /** Of the file itself, with its pages uncompressed. */
  readonly fileChecksum: bigint;
}

/**
 * Parses the last `TRAILER_SIZE` bytes of an LTX file, which begin at `offset` in it.
 *
 * @throws {HeadwaterError} `CORRUPT` when they do not go with the file's header.
 */
export function parseTrailer(bytes: Uint8Array, header: LtxHeader, offset: number): LtxTrailer {
  if (bytes.length < TRAILER_SIZE) {
    throw corrupt(`the file ends in its trailer: ${bytes.length} of 16 bytes at ${offset}`, offset);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, TRAILER_SIZE);
  const trailer: LtxTrailer = {
    postApplyChecksum: view.getBigUint64(0),
    fileChecksum: view.getBigUint64(8),
  };
  const problem = problemOf(trailer, header);
  if (problem !== undefined) throw corrupt(`the trailer at ${offset}: ${problem}`, offset);
  return trailer;
}

/** What keeps a checksum from being the post-apply checksum of a file with this header. */
export function postApplyProblemOf(checksum: bigint, header: LtxHeader): string | undefined {
  const shown = formatChecksum(checksum);
  if (!hasChecksums(header)) {
    return checksum === 0n
      ? undefined
      : `a post-apply checksum ${shown}, and the flag that there is none`;
  }
  if (checksum === 0n) return "no post-apply checksum";
  if ((checksum & CHECKSUM_FLAG) === 0n) return `invalid post-apply checksum ${shown}`;
  return header.commit === 0 && checksum !== CHECKSUM_FLAG
    ? `a post-apply checksum ${shown} of an empty database`
    : undefined;
}

function problemOf(trailer: LtxTrailer, header: LtxHeader): string | undefined {
  const { fileChecksum } = trailer;
  const problem = postApplyProblemOf(trailer.postApplyChecksum, header);
  if (problem !== undefined) return problem;
  if (fileChecksum === 0n) return "no file checksum";
  return (fileChecksum & CHECKSUM_FLAG) === 0n
    ? `invalid file checksum ${formatChecksum(fileChecksum)}`
    : undefined;
}
