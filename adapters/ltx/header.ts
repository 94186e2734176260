import { CHECKSUM_FLAG } from "./checksum.ts";
import { corrupt } from "./corrupt.ts";
import { isPageSize } from "./page-size.ts";

/** The bytes of a header. */
export const HEADER_SIZE = 100;

/** The only flag that is defined: the file has no checksums of the database. */
export const NO_CHECKSUM = 2;

const MAGIC = 0x4c545831; // "LTX1"
const MAGIC_ENCRYPTED = 0x4c545834; // "LTX4"

/** What an LTX file says of itself. One that was parsed is valid. */
export interface LtxHeader {
  /** 0 or `NO_CHECKSUM`. */
  readonly flags: number;
  /** Bytes of a page of the database. */
  readonly pageSize: number;
  /** How many pages the database has once the file was applied. */
  readonly commit: number;
  /** The first and the last transaction that it holds. A file from 1 on holds every page. */
  readonly minTxid: bigint;
  readonly maxTxid: bigint;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  /** Of the database before the file is applied; 0 in snapshots and with `NO_CHECKSUM`. */
  readonly preApplyChecksum: bigint;
  /** Where in SQLite's write-ahead log the pages came from; 0 where it is not known. */
  readonly walOffset: number;
  readonly walSize: number;
  readonly walSalt1: number;
  readonly walSalt2: number;
  readonly nodeId: bigint;
}

/** Whether the file holds every page of its database. */
export function isSnapshot({ minTxid }: LtxHeader): boolean {
  return minTxid === 1n;
}

/** Whether the file states the checksums of its database. */
export function hasChecksums({ flags }: LtxHeader): boolean {
  return (flags & NO_CHECKSUM) === 0;
}

/**
 * Parses the first `HEADER_SIZE` bytes of an LTX file. Every integer is big-endian.
 *
 * @throws {HeadwaterError} `CORRUPT` when it is none, or breaks a rule of the format.
 */
export function parseHeader(bytes: Uint8Array): LtxHeader {
  if (bytes.length < HEADER_SIZE) {
    throw corrupt(`the file ends in its header: ${bytes.length} of ${HEADER_SIZE} bytes`, 0);
  }
  // A Uint8Array may start in the middle of its buffer.
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_SIZE);
  checkMagic(view.getUint32(0));
  const header: LtxHeader = {
    flags: view.getUint32(4),
    pageSize: view.getUint32(8),
    commit: view.getUint32(12),
    minTxid: view.getBigUint64(16),
    maxTxid: view.getBigUint64(24),
    timestamp: Number(view.getBigInt64(32)),
    preApplyChecksum: view.getBigUint64(40),
    walOffset: Number(view.getBigInt64(48)),
    walSize: Number(view.getBigInt64(56)),
    walSalt1: view.getUint32(64),
    walSalt2: view.getUint32(68),
    nodeId: view.getBigUint64(72),
  };
  const problem = problemOf(header);
  if (problem !== undefined) throw corrupt(`the header of the LTX file: ${problem}`, 0);
  return header;
}

/** @throws {RangeError} when the header breaks a rule of the format. */
export function encodeHeader(header: LtxHeader): Uint8Array {
  const problem = problemOf(header);
  if (problem !== undefined) throw new RangeError(`an LTX header cannot have this: ${problem}`);
  const bytes = new Uint8Array(HEADER_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC);
  view.setUint32(4, header.flags);
  view.setUint32(8, header.pageSize);
  view.setUint32(12, header.commit);
  view.setBigUint64(16, header.minTxid);
  view.setBigUint64(24, header.maxTxid);
  view.setBigInt64(32, BigInt(header.timestamp));
  view.setBigUint64(40, header.preApplyChecksum);
  view.setBigInt64(48, BigInt(header.walOffset));
  view.setBigInt64(56, BigInt(header.walSize));
  view.setUint32(64, header.walSalt1);
  view.setUint32(68, header.walSalt2);
  view.setBigUint64(72, header.nodeId);
  return bytes;
}

function checkMagic(magic: number): void {
  if (magic === MAGIC) return;
  const found = `0x${magic.toString(16).padStart(8, "0")}`;
  if (magic === MAGIC_ENCRYPTED) {
    throw corrupt("an LTX file of version 4, which is encrypted, cannot be read", 0);
  }
  throw corrupt(`it is not an LTX file: it begins with ${found}, not with "LTX1"`, 0);
}

/** The rules in the order of the reference implementation, which reports the first broken one. */
function problemOf(header: LtxHeader): string | undefined {
  const { flags, pageSize, minTxid, maxTxid, walOffset, walSize } = header;
  if (!isRepresentable(header)) return "a number that is too large";
  if ((flags & ~NO_CHECKSUM) !== 0) return `invalid flags 0x${flags.toString(16)}`;
  if (!isPageSize(pageSize)) return `invalid page size ${pageSize}`;
  if (minTxid === 0n) return "the first transaction is 0";
  if (maxTxid === 0n) return "the last transaction is 0";
  if (minTxid > maxTxid) return `transactions out of order: ${minTxid}, ${maxTxid}`;
  if (walOffset < 0) return `negative WAL offset ${walOffset}`;
  if (walSize < 0) return `negative WAL size ${walSize}`;
  if (walOffset === 0 && (header.walSalt1 !== 0 || header.walSalt2 !== 0)) {
    return "a WAL salt without a WAL offset";
  }
  if (walOffset === 0 && walSize !== 0) return `a WAL size ${walSize} without a WAL offset`;
  return preApplyProblemOf(header);
}

function preApplyProblemOf(header: LtxHeader): string | undefined {
  const { preApplyChecksum } = header;
  if (isSnapshot(header)) {
    return preApplyChecksum === 0n ? undefined : "a pre-apply checksum on a snapshot";
  }
  if (!hasChecksums(header)) {
    return preApplyChecksum === 0n
      ? undefined
      : "a pre-apply checksum, and the flag that there is none";
  }
  if (preApplyChecksum === 0n) return "no pre-apply checksum on a file that is not a snapshot";
  return (preApplyChecksum & CHECKSUM_FLAG) === 0n
    ? `invalid pre-apply checksum ${preApplyChecksum.toString(16)}`
    : undefined;
}

function isRepresentable(header: LtxHeader): boolean {
  const { flags, pageSize, commit, walSalt1, walSalt2, timestamp, walOffset, walSize } = header;
  const { minTxid, maxTxid, preApplyChecksum, nodeId } = header;
  return (
    [flags, pageSize, commit, walSalt1, walSalt2].every((value) => value === value >>> 0) &&
    [timestamp, walOffset, walSize].every(Number.isSafeInteger) &&
    [minTxid, maxTxid, preApplyChecksum, nodeId].every((v) => BigInt.asUintN(64, v) === v)
  );
}
