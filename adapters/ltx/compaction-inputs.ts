import { corrupt } from "./corrupt.ts";
import { formatTxid } from "./file-name.ts";
import { hasChecksums, type LtxHeader, NO_CHECKSUM } from "./header.ts";

/**
 * Inputs follow one another: each begins where the one before it ends, or earlier, and goes on
 * further. With `allowGaps` it may begin later.
 *
 * @throws {HeadwaterError} `CORRUPT` when they do not.
 */
export function checkInputs(headers: readonly LtxHeader[], allowGaps: boolean): void {
  for (const [index, header] of headers.entries()) {
    const before = headers[index - 1];
    if (before === undefined) continue;
    if (header.pageSize !== before.pageSize) {
      const sizes = `${before.pageSize} and ${header.pageSize}`;
      throw corrupt(`inputs ${index - 1} and ${index} have pages of different sizes: ${sizes}`);
    }
    const isJoined = allowGaps || header.minTxid <= before.maxTxid + 1n;
    if (isJoined && header.maxTxid > before.maxTxid) continue;
    const ranges = `${range(before)} and ${range(header)}`;
    throw corrupt(`inputs ${index - 1} and ${index} do not follow one another: ${ranges}`);
  }
}

/** The header of the file that replaces the inputs. */
export function outputHeader(headers: readonly LtxHeader[], noChecksum: boolean): LtxHeader {
  const [first] = headers;
  const last = headers.at(-1);
  if (first === undefined || last === undefined) throw new RangeError("there are no inputs");
  const isChecked = !noChecksum && headers.every(hasChecksums);
  return {
    flags: isChecked ? 0 : NO_CHECKSUM,
    pageSize: first.pageSize,
    commit: last.commit,
    minTxid: first.minTxid,
    maxTxid: last.maxTxid,
    timestamp: last.timestamp,
    preApplyChecksum: isChecked ? first.preApplyChecksum : 0n,
    walOffset: 0,
    walSize: 0,
    walSalt1: 0,
    walSalt2: 0,
    nodeId: 0n,
  };
}

function range({ minTxid, maxTxid }: LtxHeader): string {
  return `${formatTxid(minTxid)}-${formatTxid(maxTxid)}`;
}
