/** The transactions that a file holds, the last included. */
export interface TxidRange {
  readonly minTxid: bigint;
  readonly maxTxid: bigint;
}

const FILE_NAME = /^([0-9a-f]{16})-([0-9a-f]{16})\.ltx$/;

/** What the name of an LTX file says, or undefined of a name that is not one. */
export function parseFileName(name: string): TxidRange | undefined {
  const [, min, max] = FILE_NAME.exec(name) ?? [];
  if (min === undefined || max === undefined) return undefined;
  return { minTxid: BigInt(`0x${min}`), maxTxid: BigInt(`0x${max}`) };
}

/** @throws {RangeError} when one is not a transaction number of at most 64 bits. */
export function formatFileName({ minTxid, maxTxid }: TxidRange): string {
  return `${formatTxid(minTxid)}-${formatTxid(maxTxid)}.ltx`;
}

/**
 * Sixteen hexadecimal digits, as in file names.
 *
 * @throws {RangeError} when it does not fit 64 bits.
 */
export function formatTxid(txid: bigint): string {
  if (BigInt.asUintN(64, txid) !== txid) throw new RangeError(`no transaction number: ${txid}`);
  return txid.toString(16).padStart(16, "0");
}

/** @throws {RangeError} when `text` is not sixteen hexadecimal digits. */
export function parseTxid(text: string): bigint {
  if (!/^[0-9a-f]{16}$/.test(text)) {
    throw new RangeError(`"${text}" is not a transaction number: sixteen hexadecimal digits`);
  }
  return BigInt(`0x${text}`);
}
