/** The same bytes as an ArrayBuffer that holds nothing else: copied only where they must be. */
export function exactBuffer(bytes: Uint8Array): ArrayBuffer {
  const { buffer } = bytes;
  const isExact = buffer instanceof ArrayBuffer && buffer.byteLength === bytes.length;
  return isExact ? buffer : new Uint8Array(bytes).buffer;
}
