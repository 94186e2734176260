import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { startModule, stop } from "../child.ts";
import { type CopyOrder, copyInChild } from "../copy-cost.ts";
import { sameBytes, withTarget } from "../files.ts";
import { mean, seeded } from "../measure.ts";
import { type Origin, startOrigin } from "../origin.ts";
import { type Bench, MIB, type Report, type Subject } from "../report.ts";

const SIZE = 256 * MIB;
const LINK_RATE = 100e6;

interface Outcome {
  /** Bytes served to both processes / size. */
  readonly served: number;
  readonly isRight: boolean;
}

async function killOnce(bench: Bench, origin: Origin, moment: number): Promise<Outcome> {
  return await withTarget(bench.folder, async (path) => {
    await origin.reset();
    const order: CopyOrder = { way: "headwater", url: origin.url, path, announce: true };
    const first = startModule("copy-child.js", [JSON.stringify(order)]);
    if (first.stdout !== null) await once(first.stdout, "data");
    await sleep((moment * SIZE * 1000) / LINK_RATE);
    await stop(first);
    await copyInChild({ way: "headwater", url: origin.url, path });
    return {
      served: (await origin.counts()).bytes / SIZE,
      isRight: await sameBytes(path, bench.blob, SIZE),
    };
  });
}

/** What a crash costs, and whether it costs a byte. */
export const killSubject: Subject = {
  letter: "i",
  title: "kill -9 and resume",

  async run(bench): Promise<Report> {
    await using origin = await startOrigin(bench, { size: SIZE, linkRate: LINK_RATE });
    const random = seeded(bench.kills);
    const outcomes: Outcome[] = [];
    for (let kill = 0; kill < bench.kills; kill++) {
      // One in each part of the copy, so that a few kills do not all fall together.
      outcomes.push(await killOnce(bench, origin, (kill + random()) / bench.kills));
    }
    const served = mean(outcomes.map(({ served }) => served));
    const wrong = outcomes.filter(({ isRight }) => !isRight).length;
    return {
      rows: [
        {
          what: `bytes served in all / size, the mean of ${bench.kills} kills`,
          ours: served.toFixed(4),
          theirs: "",
          figure: served,
          target: 1.03,
        },
        {
          what: "copies that are not equal to the source after the resume",
          ours: `${wrong}`,
          theirs: "",
          figure: wrong,
          target: 0,
        },
      ],
      notes: [
        `256 MiB over a link of ${LINK_RATE / 1e6} MB/s. One kill -9 in each run, its moment at random ` +
          "in the time that the copy takes. `HEADWATER_BENCH_KILLS` sets how many. The highest was " +
          `${Math.max(...outcomes.map(({ served }) => served)).toFixed(4)}.`,
      ],
    };
  },
};
