import { setImmediate as nextTurn } from "node:timers/promises";
import { Pool } from "undici";
import { type Clone, hydrate } from "../../adapters/hydrate.ts";
import { BlobReader, withTarget } from "../files.ts";
import { percentile, seeded } from "../measure.ts";
import { type Origin, startOrigin } from "../origin.ts";
import { plainGet } from "../plain.ts";
import { type Bench, duration, KIB, MIB, type Report, type Row, type Subject } from "../report.ts";

const SIZE = 256 * MIB;
const LATENCY_MS = 30;
const CONNECTION_RATE = 40e6;
const LENGTH = 4 * KIB;
const SAMPLES = 400;
const LEAST_ROUNDS = 6;
const PLAIN_EACH_ROUND = 32;

interface Samples {
  readonly ours: number[];
  readonly plain: number[];
  /** Bytes served / size, a round each. */
  readonly served: number[];
}

/**
 * A place that is not local now, chosen at random while there are many, in a region that was not
 * asked for before; undefined when there is none.
 */
function missingPlace(clone: Clone, random: () => number, asked: Set<number>): number | undefined {
  const isNew = (offset: number): boolean =>
    !asked.has(Math.floor(offset / clone.regionSize)) &&
    clone.hydratedBytesIn(offset, LENGTH) === 0;
  for (let attempt = 0; attempt < 64; attempt++) {
    const offset = Math.floor(random() * (SIZE / LENGTH)) * LENGTH;
    if (isNew(offset)) return offset;
  }
  for (const { offset, length } of clone.missing()) {
    for (let at = offset; at < offset + length; at += clone.regionSize) {
      if (isNew(at)) return at;
    }
  }
  return undefined;
}

async function readMissing(
  clone: Clone,
  blob: BlobReader,
  random: () => number,
  asked: Set<number>,
  into: number[],
): Promise<void> {
  while (true) {
    const offset = missingPlace(clone, random, asked);
    if (offset === undefined) return;
    asked.add(Math.floor(offset / clone.regionSize));
    const start = performance.now();
    const bytes = await clone.read(offset, LENGTH);
    into.push((performance.now() - start) / 1000);
    blob.check(offset, bytes);
    await nextTurn(); // what has arrived and not landed is read at once; hydration needs a pause
  }
}

async function oneRound(
  bench: Bench,
  origin: Origin,
  blob: BlobReader,
  readers: readonly (() => number)[],
  samples: Samples,
): Promise<void> {
  await withTarget(bench.folder, async (path) => {
    await origin.reset();
    await using clone = await hydrate(origin.url, path);
    const whole = clone.hydrated();
    const asked = new Set<number>();
    await Promise.all(
      readers.map((random) => readMissing(clone, blob, random, asked, samples.ours)),
    );
    await whole;
    samples.served.push((await origin.counts()).bytes / SIZE);
  });
}

async function compare(bench: Bench, readerCount: number): Promise<readonly Row[]> {
  const options = { size: SIZE, latencyMs: LATENCY_MS, connectionRate: CONNECTION_RATE };
  await using origin = await startOrigin(bench, options);
  using blob = new BlobReader(bench.blob);
  const pool = new Pool(origin.base, { connections: readerCount });
  const samples: Samples = { ours: [], plain: [], served: [] };
  const readers = Array.from({ length: readerCount }, (_, seed) => seeded(seed + 1));
  const plainReader = async (random: () => number, into: number[]): Promise<void> => {
    for (let read = 0; read < PLAIN_EACH_ROUND; read++) {
      const offset = Math.floor(random() * (SIZE / LENGTH)) * LENGTH;
      into.push(await plainGet(pool, blob, offset, LENGTH));
    }
  };
  // The first round, in which everything is compiled and connected, does not count.
  await Promise.all(readers.map((random) => plainReader(random, [])));
  await oneRound(bench, origin, blob, readers, { ours: [], plain: [], served: [] });
  while (samples.ours.length < SAMPLES || samples.served.length < LEAST_ROUNDS) {
    await Promise.all(readers.map((random) => plainReader(random, samples.plain)));
    await oneRound(bench, origin, blob, readers, samples);
  }
  await pool.close();

  const row = (percent: number, target: number): Row => {
    const ours = percentile(samples.ours, percent);
    const plain = percentile(samples.plain, percent);
    return {
      what: `missing 4 KiB, ${readerCount} at a time, p${percent}`,
      ours: duration(ours),
      theirs: `ranged GET, idle link: ${duration(plain)}`,
      figure: ours / plain,
      target,
    };
  };
  const worst = Math.max(...samples.served);
  return [
    row(50, 1.15),
    row(99, 2.5),
    {
      what: `bytes served / size, ${readerCount} at a time (worst of ${samples.served.length} rounds)`,
      ours: worst.toFixed(4),
      theirs: "",
      figure: worst,
      target: 1,
    },
  ];
}

/** What a reader waits for a place that is not here yet, while the rest is on its way. */
export const missingReadsSubject: Subject = {
  letter: "b",
  title: "Missing 4 KiB reads while hydration runs",

  async run(bench): Promise<Report> {
    return {
      rows: [...(await compare(bench, 1)), ...(await compare(bench, 4))],
      notes: [
        `256 MiB; ${LATENCY_MS} ms a response and ${CONNECTION_RATE / 1e6} MB/s a connection. ` +
          `At least ${SAMPLES} reads each, every one at a random place that was not local when ` +
          "it was asked for, in a region not asked for before. The plain GETs are made between the rounds, when nothing else runs.",
      ],
    };
  },
};
