import { LtxEncoder, lockPage, NO_CHECKSUM } from "../adapters/ltx/index.ts";
import { plainHeader, Sink } from "./ltx-writing.ts";

/** A snapshot of so many pages, each with its number in its first byte and zeros behind it. */
export async function encodeSparse(pageSize: number, commit: number): Promise<Uint8Array> {
  const sink = new Sink();
  const header = plainHeader({ pageSize, commit, flags: NO_CHECKSUM });
  const encoder = new LtxEncoder(header, sink.write);
  const page = new Uint8Array(pageSize);
  for (let pgno = 1; pgno <= commit; pgno += 1) {
    if (pgno === lockPage(pageSize)) continue;
    page[0] = pgno & 255;
    await encoder.add(pgno, page);
  }
  await encoder.finish();
  return sink.bytes;
}
