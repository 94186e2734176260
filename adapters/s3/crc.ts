/** A checksum over whatever it is given, in order. */
export interface Digest {
  update(bytes: Uint8Array): unknown;
  digest(): Uint8Array;
}

/** CRC-32C (Castagnoli), as S3 keeps it: four bytes, the highest first. */
export class Crc32c implements Digest {
  #state = -1;

  update(bytes: Uint8Array): void {
    let state = this.#state;
    for (const byte of bytes) {
      state = (state >>> 8) ^ (CRC32C[(state ^ byte) & 0xff] as number);
    }
    this.#state = state;
  }

  digest(): Uint8Array {
    return bigEndian([~this.#state]);
  }
}

/** CRC-64/NVME, as S3 keeps it: eight bytes, the highest first. The state is two 32-bit halves. */
export class Crc64Nvme implements Digest {
  #low = -1;
  #high = -1;

  update(bytes: Uint8Array): void {
    let low = this.#low;
    let high = this.#high;
    for (const byte of bytes) {
      const index = (low ^ byte) & 0xff;
      low = ((low >>> 8) | (high << 24)) ^ (CRC64_LOW[index] as number);
      high = (high >>> 8) ^ (CRC64_HIGH[index] as number);
    }
    this.#low = low;
    this.#high = high;
  }

  digest(): Uint8Array {
    return bigEndian([~this.#high, ~this.#low]);
  }
}

function bigEndian(words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(words.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, word] of words.entries()) view.setInt32(index * 4, word);
  return bytes;
}

// Both polynomials are reflected: https://reveng.sourceforge.io/crc-catalogue has them.
const CRC32C: Int32Array = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = (value >>> 1) ^ (value & 1 ? 0x82f63b78 : 0);
  return value;
});

const CRC64: readonly bigint[] = Array.from({ length: 256 }, (_, byte) => {
  let value = BigInt(byte);
  for (let bit = 0; bit < 8; bit += 1) {
    value = (value >> 1n) ^ (value & 1n ? 0x9a6c9329ac4bc9b5n : 0n);
  }
  return value;
});
const CRC64_LOW: Int32Array = Int32Array.from(CRC64, (value) => Number(BigInt.asIntN(32, value)));
const CRC64_HIGH: Int32Array = Int32Array.from(CRC64, (value) => Number(value >> 32n));
