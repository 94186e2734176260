import { Client } from "undici";
import { hydrate } from "../../adapters/hydrate.ts";
import { BlobReader, withTarget } from "../files.ts";
import { inTurns, summary } from "../measure.ts";
import { startOrigin } from "../origin.ts";
import { plainGet } from "../plain.ts";
import { duration, KIB, MIB, type Report, type Subject } from "../report.ts";

const SIZE = 64 * MIB;
const LATENCY_MS = 30;
const ROUNDS = 31;
const LENGTH = 4 * KIB;

/** How long a blob takes to answer its first question, and at what cost. */
export const openSubject: Subject = {
  letter: "a",
  title: "Open and read the first 4 KiB",

  async run(bench): Promise<Report> {
    await using origin = await startOrigin(bench, { size: SIZE, latencyMs: LATENCY_MS });
    const client = new Client(origin.base);
    using blob = new BlobReader(bench.blob);
    const requests: number[] = [];

    const ours = (): Promise<number> =>
      withTarget(bench.folder, async (path) => {
        await origin.reset();
        const start = performance.now();
        await using clone = await hydrate(origin.url, path);
        const bytes = await clone.read(0, LENGTH);
        const seconds = (performance.now() - start) / 1000;
        requests.push((await origin.counts()).requests);
        blob.check(0, bytes);
        return seconds;
      });

    const pairs = await inTurns(ROUNDS, ours, () => plainGet(client, blob, 0, LENGTH));
    await client.close();
    const { ours: opened, theirs, ratio } = summary(pairs);
    const most = Math.max(...requests);
    return {
      rows: [
        {
          what: `hydrate + read(0, 4096), ${LATENCY_MS} ms a response`,
          ours: duration(opened),
          theirs: `one ranged GET, undici, warm: ${duration(theirs)}`,
          figure: ratio,
          target: 1.3,
        },
        {
          what: "requests when that read has resolved (origin's count, worst round)",
          ours: `${most}`,
          theirs: "",
          figure: most,
          target: 1,
        },
      ],
      notes: [
        `${ROUNDS} rounds in turns, with hydration on. Our connection is new in each round, the plain one is warm.`,
      ],
    };
  },
};
