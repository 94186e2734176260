import { type CopyCost, type CopyOrder, copyInChild } from "../copy-cost.ts";
import { BLOB_SIZE, primeMemory, withTarget } from "../files.ts";
import { median } from "../measure.ts";
import { startOrigin } from "../origin.ts";
import {
  type Bench,
  duration,
  GIB,
  KIB,
  MIB,
  mebibytes,
  type Report,
  type Row,
  type Subject,
} from "../report.ts";

const ROUNDS = 5;
/** The defaults, which are what is measured. */
const HYDRATION_THRESHOLD = 2048;
const REGION_SIZE = 64 * KIB;
const ALLOWANCE = HYDRATION_THRESHOLD * REGION_SIZE + 64 * MIB;

async function costs(
  bench: Bench,
  url: string,
  way: CopyOrder["way"],
): Promise<readonly CopyCost[]> {
  const found: CopyCost[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const cost = await withTarget(bench.folder, (path) =>
      copyInChild({ way, url, path, watch: true }),
    );
    found.push(cost);
  }
  return found;
}

function rowsOf(
  where: string,
  ours: readonly CopyCost[],
  plain: readonly CopyCost[],
  idleBytes: number,
): readonly Row[] {
  const of = (cost: readonly CopyCost[], part: keyof CopyCost): number =>
    median(cost.map((one) => one[part]));
  const perGib = (cost: readonly CopyCost[]): number => of(cost, "cpuSeconds") / (BLOB_SIZE / GIB);
  const peak = Math.max(...ours.map(({ peakBytes }) => peakBytes)) - idleBytes;
  const plainPeak = Math.max(...plain.map(({ peakBytes }) => peakBytes)) - idleBytes;
  const stall = of(ours, "stallP99");
  const stallMax = duration(of(ours, "stallMax"));
  return [
    {
      what: `${where}: event loop late, p99, ms`,
      ours: `${duration(stall)} (longest ${stallMax})`,
      theirs: `plain: ${duration(of(plain, "stallP99"))} (longest ${duration(of(plain, "stallMax"))})`,
      figure: stall * 1000,
      target: 10,
    },
    {
      what: `${where}: peak memory over an idle Node, MiB`,
      ours: mebibytes(peak),
      theirs: `plain: ${mebibytes(plainPeak)}`,
      figure: peak / MIB,
      target: ALLOWANCE / MIB,
    },
    {
      what: `${where}: CPU seconds per GiB`,
      ours: perGib(ours).toFixed(2),
      theirs: `plain: ${perGib(plain).toFixed(2)}`,
      figure: perGib(ours) / perGib(plain),
      target: undefined,
    },
  ];
}

/** What a program gives up while it hydrates. */
export const footprintSubject: Subject = {
  letter: "g",
  title: "Event loop, memory and CPU while 1 GiB hydrates",

  async run(bench): Promise<Report> {
    await primeMemory(bench.folder, BLOB_SIZE);
    const idle = await copyInChild({ way: "idle", url: "", path: "" });
    const origins = [
      { where: "no cap", options: {} },
      { where: "20 ms, 90 MB/s a connection", options: { latencyMs: 20, connectionRate: 90e6 } },
    ];
    const rows: Row[] = [];
    for (const { where, options } of origins) {
      await using origin = await startOrigin(bench, { size: BLOB_SIZE, ...options });
      const ours = await costs(bench, origin.url, "headwater");
      const plain = await costs(bench, origin.url, "plain");
      rows.push(...rowsOf(where, ours, plain, idle.peakBytes));
    }
    return {
      rows,
      notes: [
        `${ROUNDS} copies each, in processes of their own; an idle Node holds ${mebibytes(idle.peakBytes)}. ` +
          "Lateness is that of a 1 ms timer; memory is the largest of the rounds, the rest medians. " +
          "Plain: a loop over an undici body that writes to the file, one connection.",
        `Memory allowed: hydrationThreshold x regionSize (${mebibytes(ALLOWANCE - 64 * MIB)}) + 64 MiB.`,
      ],
    };
  },
};
