const MAGIC = "SQLite format 3\0";

/**
 * Changes the first page of a database, in place, to what programs are shown of it: with a rollback
 * journal, since nobody writes a log beside it; with its true size; and with a change counter that
 * is that of no other transaction near, so that a program that has the database open notices when
 * it advances. The same for the same transaction, whichever files the page came from.
 *
 * @param commit pages of the database.
 */
export function presentFirstPage(page: Uint8Array, txid: bigint, commit: number): void {
  for (let at = 0; at < MAGIC.length; at += 1) {
    // What is encrypted as a whole has no header that could be changed.
    if (page[at] !== MAGIC.charCodeAt(at)) return;
  }
  const view = new DataView(page.buffer, page.byteOffset, page.length);
  const counter = Number(BigInt.asUintN(32, txid));
  view.setUint8(18, 1); // versions of the file format: 2 would be a log
  view.setUint8(19, 1);
  view.setUint32(24, counter);
  view.setUint32(28, commit); // believed now that both counters are the same
  view.setUint32(92, counter);
}
