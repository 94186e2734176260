import type { DestinationDevice } from "../../lib/index.ts";
import { CHECKSUM_FLAG, formatChecksum, pageChecksum, toggledChecksum } from "./checksum.ts";
import { corrupt } from "./corrupt.ts";
import { LtxDecoder } from "./decoder.ts";
import { hasChecksums, isSnapshot, type LtxHeader } from "./header.ts";
import { lockPage } from "./page-size.ts";

/** What is written at once, in bytes. */
const RUN_SIZE = 256 * 1024;

export interface ApplyOptions {
  /**
   * Default true: where the file has checksums of its database, reads the whole database before
   * and after to compare them. Without it only the file's own checksum is verified.
   */
  checkDatabase?: boolean;
}

/**
 * Applies an LTX file to a database: writes its pages, then makes the database as long as it says.
 * Pages between an earlier, shorter length and the new one read as zeros.
 *
 * A file is verified at its end only: after an error the database is neither the old nor the new.
 *
 * @throws {HeadwaterError} `CORRUPT`, and whatever the source and the database throw.
 */
export async function applyLtx(
  source: AsyncIterable<Uint8Array>,
  database: DestinationDevice,
  options: ApplyOptions = {},
): Promise<LtxHeader> {
  await using decoder = await LtxDecoder.open(source);
  const { header } = decoder;
  const isChecked = hasChecksums(header) && (options.checkDatabase ?? true);
  if (isChecked && !isSnapshot(header)) {
    await checkDatabase(database, header.pageSize, header.preApplyChecksum, "before");
  }

  await writePages(decoder, database);
  await database.resize(header.commit * header.pageSize);
  const lock = lockPage(header.pageSize);
  if (isSnapshot(header) && header.commit >= lock) {
    await database.discard((lock - 1) * header.pageSize, header.pageSize);
  }

  const { postApplyChecksum = 0n } = decoder.trailer ?? {};
  if (isChecked) await checkDatabase(database, header.pageSize, postApplyChecksum, "after");
  return header;
}

/** The checksum of all pages of a database but the lock page. */
export async function databaseChecksum(
  database: DestinationDevice,
  pageSize: number,
): Promise<bigint> {
  const page = new Uint8Array(pageSize);
  const count = Math.floor(database.size / pageSize);
  let checksum = CHECKSUM_FLAG;
  for (let pgno = 1; pgno <= count; pgno++) {
    if (pgno === lockPage(pageSize)) continue;
    const offset = (pgno - 1) * pageSize;
    if (database.readIntoSync?.(offset, page) !== true) await database.readInto(offset, page);
    checksum = toggledChecksum(checksum, pageChecksum(pgno, page));
  }
  return checksum;
}

/** Pages that follow one another are written at once. */
async function writePages(decoder: LtxDecoder, database: DestinationDevice): Promise<void> {
  const { commit, pageSize } = decoder.header;
  const slots = RUN_SIZE / pageSize;
  const memory = new Uint8Array(RUN_SIZE);
  let first = 0; // the page in the slot where the run begins
  let start = 0;
  let slot = 0;
  const write = async (): Promise<void> => {
    const run = memory.subarray(start * pageSize, slot * pageSize);
    if (run.length === 0) return;
    const offset = (first - 1) * pageSize;
    await reserve(database, offset + run.length, commit * pageSize);
    await database.write(offset, [run]);
  };
  while (true) {
    const page = memory.subarray(slot * pageSize, (slot + 1) * pageSize);
    const pgno = await decoder.next(page);
    if (slot === start) {
      first = pgno;
    } else if (pgno !== first + slot - start) {
      await write();
      first = pgno;
      start = slot;
    }
    if (pgno === 0) return;
    slot += 1;
    if (slot < slots) continue;
    await write();
    start = 0;
    slot = 0;
  }
}

/** Not all of `size` at once: whether it is right is not known yet. */
async function reserve(database: DestinationDevice, end: number, size: number): Promise<void> {
  if (end <= database.size) return;
  await database.resize(Math.min(size, Math.max(end, 2 * database.size)));
}

async function checkDatabase(
  database: DestinationDevice,
  pageSize: number,
  expected: bigint,
  when: "before" | "after",
): Promise<void> {
  const found = await databaseChecksum(database, pageSize);
  if (found === expected) return;
  const sums = `${formatChecksum(found)}, not ${formatChecksum(expected)}`;
  throw corrupt(`${when} the LTX file the database has the checksum ${sums} as the file says`);
}
