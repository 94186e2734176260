import { setImmediate as nextTurn } from "node:timers/promises";
import { hydrate } from "../../adapters/hydrate.ts";
import { BlobReader, sameBytes, withTarget } from "../files.ts";
import { seeded } from "../measure.ts";
import { type Origin, startOrigin } from "../origin.ts";
import { type Bench, KIB, MIB, type Report, type Subject } from "../report.ts";

const SIZE = 64 * MIB;
const READERS = 8;
const LONGEST = 64 * KIB;

/** Bytes served / size when readers ask for what they like while the copy is made. */
async function oneRun(
  bench: Bench,
  origin: Origin,
  blob: BlobReader,
  seed: number,
): Promise<number> {
  return await withTarget(bench.folder, async (path) => {
    await origin.reset();
    {
      await using clone = await hydrate(origin.url, path);
      let isWhole = false;
      const whole = clone.hydrated().finally(() => {
        isWhole = true;
      });
      const reader = async (random: () => number): Promise<void> => {
        while (!isWhole) {
          const offset = Math.floor(random() * SIZE);
          const length = 1 + Math.floor(random() * LONGEST);
          blob.check(offset, await clone.read(offset, length));
          await nextTurn(); // what is local is read without a pause, and hydration needs one
        }
      };
      const readers = Array.from({ length: READERS }, (_, n) => seeded(seed * READERS + n));
      await Promise.all([whole, ...readers.map(reader)]);
    }
    if (!(await sameBytes(path, bench.blob, SIZE))) throw new Error(`seed ${seed}: wrong bytes`);
    return (await origin.counts()).bytes / SIZE;
  });
}

/** No byte twice, whatever is read meanwhile. */
export const servedOnceSubject: Subject = {
  letter: "c",
  title: "Bytes served / size with 8 random readers",

  async run(bench): Promise<Report> {
    await using origin = await startOrigin(bench, {
      size: SIZE,
      latencyMs: 5,
      connectionRate: 40e6,
    });
    using blob = new BlobReader(bench.blob);
    const served: number[] = [];
    for (let seed = 0; seed < bench.runs; seed++) {
      served.push(await oneRun(bench, origin, blob, seed));
    }
    const worst = Math.max(...served);
    const exact = served.filter((ratio) => ratio === 1).length;
    return {
      rows: [
        {
          what: `bytes served / size, the worst of ${bench.runs} seeded runs`,
          ours: worst.toFixed(4),
          theirs: "",
          figure: worst,
          target: 1,
        },
      ],
      notes: [
        `64 MiB, 5 ms a response, 40 MB/s a connection; reads of 1 byte to 64 KiB, all checked. ` +
          `${exact} of ${bench.runs} runs were exactly 1 by the origin's counter. ` +
          "`HEADWATER_BENCH_RUNS` sets how many.",
      ],
    };
  },
};
