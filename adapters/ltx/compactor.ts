import { checkCount } from "../../lib/index.ts";
import { formatChecksum } from "./checksum.ts";
import { checkInputs, outputHeader } from "./compaction-inputs.ts";
import { corrupt } from "./corrupt.ts";
import { LtxDecoder } from "./decoder.ts";
import { LtxEncoder, type WriteBytes } from "./encoder.ts";
import { hasChecksums, type LtxHeader } from "./header.ts";
import { lockPage } from "./page-size.ts";
import type { LtxTrailer } from "./trailer.ts";

export interface CompactOptions {
  /** Default false: leaves out the checksums of the database though all inputs have them. */
  noChecksum?: boolean;
  /** Default false: takes inputs between which transactions are missing. */
  allowGaps?: boolean;
  /**
   * The most pages of zeros between pages of the inputs, which are not verified yet then: so that a
   * file with a wrong number is an error and not a large output. Default 1 048 576.
   */
  zeroPages?: number;
  /** Called for each page that is written, with the last that there can be. */
  onPage?: (pgno: number, commit: number) => void;
  /** Ends the compaction: it rejects with the signal's reason. */
  signal?: AbortSignal;
}

const ZERO_PAGES = 2 ** 20;

export interface CompactedFile {
  readonly header: LtxHeader;
  readonly trailer: LtxTrailer;
}

/**
 * Makes one LTX file of several, from the oldest to the newest. Applying it gives the same as
 * applying them one after another, whatever database they are applied to: a page that one cut off
 * and that came back later without being written is a page of zeros.
 *
 * It holds a piece and a page of each input, and the index of the output, about 8 bytes a page.
 * What was written before an error is no LTX file.
 *
 * @param inputs are let go of at the end and at an error.
 * @throws {HeadwaterError} `CORRUPT` when an input is, or when they do not follow one another.
 */
export async function compactLtx(
  inputs: readonly AsyncIterable<Uint8Array>[],
  write: WriteBytes,
  options: CompactOptions = {},
): Promise<CompactedFile> {
  if (inputs.length === 0) throw new RangeError("a compaction needs at least one input");
  const { allowGaps = false, noChecksum = false } = options;
  const decoders: LtxDecoder[] = [];
  try {
    for (const input of inputs) decoders.push(await LtxDecoder.open(input));
    const headers = decoders.map(({ header }) => header);
    checkInputs(headers, allowGaps);
    const header = outputHeader(headers, noChecksum);
    const encoder = new LtxEncoder(header, write);
    await new Merge(decoders, encoder, options).run();
    if (!allowGaps) checkChecksums(decoders);
    const trailer = await encoder.finish(postApplyChecksum(decoders, encoder, allowGaps));
    return { header, trailer };
  } finally {
    for (const decoder of decoders) await decoder.close();
  }
}

/** An input and the page of it that comes next. */
interface Head {
  readonly decoder: LtxDecoder;
  readonly page: Uint8Array;
  /** 0 at its end. */
  pgno: number;
  /** A later input cuts off what lies behind this page. */
  readonly liveUpTo: number;
}

/** Writes each page once, from the newest input that has it. */
class Merge {
  /** From the newest to the oldest. */
  readonly #heads: readonly Head[];
  readonly #encoder: LtxEncoder;
  readonly #options: CompactOptions;
  readonly #lock: number;
  readonly #zeros: Uint8Array;
  /** No input cuts off a page up to this one. */
  readonly #uncut: number;
  #written = 0;
  /** How many more pages of zeros are written before all inputs are verified. */
  #zeroPages: number;

  constructor(decoders: readonly LtxDecoder[], encoder: LtxEncoder, options: CompactOptions) {
    const { pageSize } = encoder.header;
    let liveUpTo = Number.POSITIVE_INFINITY;
    this.#heads = decoders.toReversed().map((decoder) => {
      const head = { decoder, page: new Uint8Array(pageSize), pgno: 0, liveUpTo };
      liveUpTo = Math.min(liveUpTo, decoder.header.commit);
      return head;
    });
    this.#uncut = liveUpTo;
    this.#encoder = encoder;
    this.#options = options;
    this.#zeroPages = checkCount("zeroPages", options.zeroPages ?? ZERO_PAGES, 0);
    this.#lock = lockPage(pageSize);
    this.#zeros = new Uint8Array(pageSize);
  }

  async run(): Promise<void> {
    const { commit } = this.#encoder.header;
    for (const head of this.#heads) await advance(head);
    while (true) {
      const head = this.#lowest();
      if (head === undefined) break;
      const { pgno } = head;
      if (pgno <= head.liveUpTo) {
        this.#allowZerosUpTo(pgno - 1);
        await this.#writeZerosUpTo(pgno - 1);
        await this.#write(pgno, head.page, head.decoder.payload);
      }
      for (const other of this.#heads) if (other.pgno === pgno) await advance(other);
    }
    await this.#writeZerosUpTo(commit);
  }

  /** Of the heads with the lowest page the newest, or undefined when all are at their end. */
  #lowest(): Head | undefined {
    let lowest: Head | undefined;
    for (const head of this.#heads) {
      if (head.pgno !== 0 && (lowest === undefined || head.pgno < lowest.pgno)) lowest = head;
    }
    return lowest;
  }

  #allowZerosUpTo(last: number): void {
    const count = last - Math.max(this.#uncut, this.#written);
    if (count <= 0) return;
    this.#zeroPages -= count;
    if (this.#zeroPages >= 0) return;
    const most = this.#options.zeroPages ?? ZERO_PAGES;
    throw corrupt(
      `page ${last + 1} comes after ${count} that no input has, which makes more than ${most} of ` +
        "zeros; the option zeroPages allows more",
    );
  }

  /** What may have been cut off and was not written since is there again, as zeros. */
  async #writeZerosUpTo(last: number): Promise<void> {
    for (let pgno = Math.max(this.#uncut, this.#written) + 1; pgno <= last; pgno++) {
      if (pgno !== this.#lock) await this.#write(pgno, this.#zeros, undefined);
    }
  }

  async #write(pgno: number, page: Uint8Array, payload: Uint8Array | undefined): Promise<void> {
    this.#options.signal?.throwIfAborted();
    await this.#encoder.add(pgno, page, payload);
    this.#written = pgno;
    this.#options.onPage?.(pgno, this.#encoder.header.commit);
  }
}

async function advance(head: Head): Promise<void> {
  head.pgno = await head.decoder.next(head.page);
}

/** Each input must begin with the database that the one before it ended with. */
function checkChecksums(decoders: readonly LtxDecoder[]): void {
  for (const [index, { header }] of decoders.entries()) {
    const before = decoders[index - 1];
    if (before?.trailer === undefined || header.minTxid !== before.header.maxTxid + 1n) continue;
    if (!hasChecksums(header) || !hasChecksums(before.header)) continue;
    const [ended, begins] = [before.trailer.postApplyChecksum, header.preApplyChecksum];
    if (ended === begins) continue;
    const sums = `${formatChecksum(ended)}, and the next begins with ${formatChecksum(begins)}`;
    throw corrupt(`input ${index - 1} ends with a database of the checksum ${sums}`);
  }
}

function postApplyChecksum(
  decoders: readonly LtxDecoder[],
  encoder: LtxEncoder,
  allowGaps: boolean,
): bigint {
  if (!hasChecksums(encoder.header)) return 0n;
  const stated = decoders.at(-1)?.trailer?.postApplyChecksum ?? 0n;
  const found = encoder.databaseChecksum;
  if (found === undefined || allowGaps || found === stated) return found ?? stated;
  const sums = `${formatChecksum(found)}, not ${formatChecksum(stated)}`;
  throw corrupt(`the compacted database has the checksum ${sums} as the last input says`);
}
