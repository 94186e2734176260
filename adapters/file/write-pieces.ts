/** Writes some of the bytes at `position`, and resolves to how many. */
export type WriteSome = (pieces: readonly Uint8Array[], position: number) => Promise<number>;

/** Writes all of the pieces one after another from `offset`, in as many calls as it takes. */
export async function writePieces(
  pieces: readonly Uint8Array[],
  offset: number,
  writeSome: WriteSome,
): Promise<void> {
  let rest = dropBytes(pieces, 0);
  let position = offset;
  while (rest.length > 0) {
    const count = await writeSome(rest, position);
    position += count;
    rest = dropBytes(rest, count);
  }
}

/** What is left of the pieces after their first `count` bytes; none of it is empty at its front. */
function dropBytes(pieces: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  let drop = count;
  for (const [index, piece] of pieces.entries()) {
    if (drop < piece.length) {
      return drop === 0 && index === 0
        ? pieces
        : [piece.subarray(drop), ...pieces.slice(index + 1)];
    }
    drop -= piece.length;
  }
  return [];
}
