/** x^64 + x^4 + x^3 + x + 1, as CRC-64/ISO has it: the lowest power in the highest bit. */
const POLYNOMIAL: bigint = 0xd800_0000_0000_0000n;

/** What 1 is in that order of bits. */
const ONE: bigint = 1n << 63n;

/**
 * Joins the CRCs of bytes that follow one another without looking at the bytes again, so that parts
 * of a file can be taken in any order. For many second parts of the same length.
 */
export class ChecksumJoin {
  /** What each value of each byte of a CRC becomes when that many bytes come after it. */
  readonly #tables: readonly BigUint64Array[];

  /** @param length of the second parts, in bytes. */
  constructor(length: number) {
    const factor = powerOfX(8 * length);
    this.#tables = Array.from({ length: 8 }, (_, byte) => {
      const table = new BigUint64Array(256);
      for (let bit = 0; bit < 8; bit += 1) {
        const product = multiply(1n << BigInt(8 * byte + bit), factor);
        for (let value = 0; value < 256; value += 1) {
          if ((value & (1 << bit)) !== 0) table[value] = (table[value] as bigint) ^ product;
        }
      }
      return table;
    });
  }

  /** The plain CRC of both parts. */
  join(first: bigint, second: bigint): bigint {
    let low = Number(first & 0xffffffffn);
    let high = Number(first >> 32n);
    let joined = second;
    for (let byte = 0; byte < 4; byte += 1) {
      joined ^= this.#tables[byte]?.[low & 0xff] as bigint;
      joined ^= this.#tables[byte + 4]?.[high & 0xff] as bigint;
      low >>>= 8;
      high >>>= 8;
    }
    return joined;
  }
}

/** The plain CRC of two parts, the second of which has this length in bytes. */
export function joinChecksums(first: bigint, second: bigint, length: number): bigint {
  return multiply(first, powerOfX(8 * length)) ^ second;
}

/** x to this power, modulo the polynomial. */
function powerOfX(exponent: number): bigint {
  let power = ONE;
  let square = ONE >> 1n;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) power = multiply(power, square);
    square = multiply(square, square);
  }
  return power;
}

function multiply(one: bigint, other: bigint): bigint {
  let product = 0n;
  let term = one;
  for (let bit = 63n; bit >= 0n; bit -= 1n) {
    if ((other >> bit) & 1n) product ^= term;
    term = term & 1n ? (term >> 1n) ^ POLYNOMIAL : term >> 1n;
  }
  return product;
}
