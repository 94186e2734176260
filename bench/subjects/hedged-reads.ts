import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { request } from "undici";
import { http } from "../../adapters/http/index.ts";
import { MemoryDevice } from "../../adapters/memory.ts";
import { Clone } from "../../lib/index.ts";
import { percentile, seeded } from "../measure.ts";
import { duration, KIB, type Report, type Subject } from "../report.ts";

const REGION = 4 * KIB;
const READS = 6000;
const SIZE = REGION * READS;
const READERS = 4;
const LATENCY_MS = 20;
const FACTOR = 12;
const STRAGGLERS = 0.005;

interface Origin extends AsyncDisposable {
  readonly url: string;
  requests(): Promise<number>;
}

async function startOrigin(part: number): Promise<Origin> {
  const program = fileURLToPath(new URL("../origin/straggler-origin.js", import.meta.url));
  const words = [SIZE, LATENCY_MS, part, FACTOR].map(String);
  const child = spawn(process.execPath, [program, ...words], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const [port] = (await once(createInterface(child.stdout), "line")) as [string];
  const url = `http://127.0.0.1:${port}`;
  return {
    url: `${url}/blob`,
    requests: async () => Number(await (await request(`${url}/__requests`)).body.text()),
    [Symbol.asyncDispose]: async () => {
      const ended = once(child, "exit");
      child.stdin.end();
      await ended;
    },
  };
}

interface Found {
  /** Seconds of each read. */
  readonly times: readonly number[];
  readonly requests: number;
}

/** Reads every region of the blob once, in an order of chance, nothing around it. */
async function readAll(part: number, hedge: boolean): Promise<Found> {
  await using origin = await startOrigin(part);
  await using source = await http(origin.url, { head: 1 }).open();
  const destination = new MemoryDevice(SIZE);
  const options = { source, destination, hedge, regionSize: REGION, noHydration: true };
  await using clone = await Clone.open(options);
  const random = seeded(7);
  const order = Array.from({ length: READS }, (_, region) => ({ region, at: random() }));
  const regions = order.sort((one, other) => one.at - other.at).values();
  const times: number[] = [];
  const read = async (): Promise<void> => {
    for (const { region } of regions) {
      const start = performance.now();
      await clone.read(region * REGION, REGION, { exact: true });
      times.push((performance.now() - start) / 1000);
    }
  };
  await Promise.all(Array.from({ length: READERS }, read));
  return { times, requests: await origin.requests() };
}

/** Second requests for what is late: what they gain where some answers are, and cost where not. */
export const hedgedReadsSubject: Subject = {
  letter: "r",
  title: "Reads of an origin that is late now and then",

  async run(): Promise<Report> {
    const late = {
      hedged: await readAll(STRAGGLERS, true),
      plain: await readAll(STRAGGLERS, false),
    };
    const even = { hedged: await readAll(0, true), plain: await readAll(0, false) };
    const tail = ({ times }: Found): number => percentile(times, 99.9);
    const count = ({ requests }: Found): string => `${requests} requests`;
    return {
      rows: [
        {
          what: "missing 4 KiB, one answer of 200 twelve times as late, p99.9",
          ours: duration(tail(late.hedged)),
          theirs: `hedge: false: ${duration(tail(late.plain))}`,
          figure: tail(late.hedged) / tail(late.plain),
          target: 1 / 3,
        },
        {
          what: "the same: requests",
          ours: count(late.hedged),
          theirs: `hedge: false: ${count(late.plain)}`,
          figure: late.hedged.requests / late.plain.requests,
          target: 1.05,
        },
        {
          what: "no answer late: requests",
          ours: count(even.hedged),
          theirs: `hedge: false: ${count(even.plain)}`,
          figure: even.hedged.requests / even.plain.requests,
          target: 1.01,
        },
        {
          what: "no answer late, p50",
          ours: duration(percentile(even.hedged.times, 50)),
          theirs: `hedge: false: ${duration(percentile(even.plain.times, 50))}`,
          figure: percentile(even.hedged.times, 50) / percentile(even.plain.times, 50),
          target: undefined,
        },
      ],
      notes: [
        `${READS} reads of each kind, ${READERS} at a time, ${LATENCY_MS} ms a response; ` +
          `requests by the origin's own count.`,
      ],
    };
  },
};
