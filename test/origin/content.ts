/**
 * What the origin serves: any part of a blob of any size, from its seed alone. Both sides compute
 * it, so that a test needs no file to compare with.
 */
export function contentOf(seed: number, offset: number, length: number): Uint8Array<ArrayBuffer> {
  const first = Math.floor(offset / 4);
  const count = Math.ceil((offset + length) / 4) - first;
  const words = new Uint32Array(count);
  let at = 0;
  while (at < count) {
    const word = first + at;
    const key = mix(Math.floor(word / 2 ** 32) ^ mix(seed));
    const low = word % 2 ** 32;
    const end = Math.min(count, at + 2 ** 32 - low);
    for (let index = 0; at < end; at += 1, index += 1) words[at] = mix((low + index) ^ key);
  }
  return new Uint8Array(words.buffer, offset - first * 4, length);
}

/** The finalizer of MurmurHash3: neighbours in, nothing alike out. */
function mix(word: number): number {
  let hash = (word | 0) + 0x9e3779b9;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
