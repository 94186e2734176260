import { setImmediate as nextTurn } from "node:timers/promises";
import { hydrate } from "../../adapters/hydrate.ts";
import { BlobReader, withTarget } from "../files.ts";
import { inTurns, seeded, summary } from "../measure.ts";
import { startOrigin } from "../origin.ts";
import { type Bench, duration, KIB, MIB, type Report, type Subject } from "../report.ts";

const SIZE = 128 * MIB;
const LENGTH = 4 * KIB;
const READERS = 4;
const ROUNDS = 5;
const LINK = { size: SIZE, latencyMs: 20, connectionRate: 40e6 };
const TARGET = 4;

/** Seconds until everything is here, with readers that never pause. */
async function timeToHydrate(bench: Bench, url: string, readerCount: number): Promise<number> {
  return await withTarget(bench.folder, async (path) => {
    using blob = new BlobReader(bench.blob);
    const start = performance.now();
    await using clone = await hydrate(url, path);
    let isOver = false;
    const read = async (random: () => number): Promise<void> => {
      for (let count = 0; !isOver; count += 1) {
        const offset = Math.floor(random() * (SIZE / LENGTH)) * LENGTH;
        const bytes = await clone.read(offset, LENGTH);
        if (count % 64 > 0) continue;
        blob.check(offset, bytes);
        await nextTurn();
      }
    };
    const readers = Array.from({ length: readerCount }, (_, seed) => read(seeded(seed + 1)));
    await clone.hydrated();
    const seconds = (performance.now() - start) / 1000;
    isOver = true;
    await Promise.all(readers);
    return seconds;
  });
}

/** The kernel's dm-clone copies nothing while anybody reads. */
export const fairnessSubject: Subject = {
  letter: "k",
  title: "Hydration while readers never pause",

  async run(bench): Promise<Report> {
    await using origin = await startOrigin(bench, LINK);
    const pairs = await inTurns(
      ROUNDS,
      () => timeToHydrate(bench, origin.url, READERS),
      () => timeToHydrate(bench, origin.url, 0),
    );
    const { ours, theirs, ratio } = summary(pairs);
    return {
      rows: [
        {
          what: `128 MiB, ${READERS} readers of 4 KiB at random places`,
          ours: duration(ours),
          theirs: `nobody reads: ${duration(theirs)}`,
          figure: ratio,
          target: TARGET,
        },
      ],
      notes: [
        `${LINK.latencyMs} ms a response, ${LINK.connectionRate / 1e6} MB/s a connection; ` +
          `${ROUNDS} rounds in turns. Each reader asks again as soon as it is answered.`,
      ],
    };
  },
};
