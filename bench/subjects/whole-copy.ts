import { dirname } from "node:path";
import { copyInChild } from "../copy-cost.ts";
import { BLOB_SIZE, flushFile, primeMemory, sameBytes, withTarget } from "../files.ts";
import { inTurns, median, type Pair, summary, timed } from "../measure.ts";
import { startOrigin } from "../origin.ts";
import { aria2c, type Copier, curl, nginxVersion, rclone, startNginx } from "../peers.ts";
import { type Bench, duration, type Report, type Row, type Subject } from "../report.ts";

const ROUNDS = 7;
const LATENCY_MS = 20;
const CONNECTION_RATE = 90e6;

async function checked(bench: Bench, copy: (path: string) => Promise<number>): Promise<number> {
  // Before each copy: memory that was given back a while ago is as slow as memory never used.
  await primeMemory(bench.folder, BLOB_SIZE);
  return await withTarget(bench.folder, async (path) => {
    const seconds = await copy(path);
    if (!(await sameBytes(path, bench.blob, BLOB_SIZE))) throw new Error("the copy is not equal");
    return seconds;
  });
}

/** The whole copy as a program makes it: from the URL to a durable file. */
function ourCopy(bench: Bench, url: string): Promise<number> {
  return checked(
    bench,
    async (path) => (await copyInChild({ way: "headwater", url, path })).seconds,
  );
}

/** The other program from its start to its end, and the same durability after it. */
function theirCopy(bench: Bench, copier: Copier, url: string): Promise<number> {
  return checked(bench, (path) =>
    timed(async () => {
      await copier.copy(url, path);
      await flushFile(path);
    }),
  );
}

interface Race {
  readonly copier: Copier;
  readonly pairs: readonly Pair[];
}

async function race(bench: Bench, copier: Copier, url: string): Promise<Race> {
  const pairs = await inTurns(
    ROUNDS,
    () => ourCopy(bench, url),
    () => theirCopy(bench, copier, url),
  );
  return { copier, pairs };
}

function rowOf(what: string, { copier, pairs }: Race, target: number | undefined): Row {
  const { ours, theirs, ratio } = summary(pairs);
  return {
    what,
    ours: duration(ours),
    theirs: `${copier.name}: ${duration(theirs)}`,
    figure: ratio,
    target,
  };
}

const timing =
  `${ROUNDS} rounds in turns. Ours: from \`hydrate()\` until \`hydrated()\` resolves, in a new process ` +
  "whose start is not counted. Theirs: from the start of the program to its end, then an fsync of the " +
  "file. The figure is the median of the rounds' ratios.";

/** No latency, no cap: what the code itself costs. */
export const nginxCopySubject: Subject = {
  letter: "d",
  title: "1 GiB from nginx on the loopback into a file",

  async run(bench): Promise<Report> {
    const copier = curl();
    if (copier === undefined) return { rows: [], notes: ["curl is not installed: left out."] };
    const name = nginxVersion();
    await using server =
      name === undefined
        ? await startOrigin(bench, { size: BLOB_SIZE })
        : await startNginx(bench.folder, dirname(bench.blob));
    const found = await race(bench, copier, `${server.base}/blob.bin`);
    return {
      rows: [rowOf(`1 GiB from ${name ?? "our own origin"}`, found, 1.25)],
      notes: [...(name === undefined ? ["nginx is not installed: our own origin."] : []), timing],
    };
  },
};

/** Like an object store: many connections are needed, and how fast they are found counts. */
export const pacedCopySubject: Subject = {
  letter: "e",
  title: "1 GiB from an origin like an object store",

  async run(bench): Promise<Report> {
    const copiers = [aria2c(), rclone()];
    const options = { latencyMs: LATENCY_MS, connectionRate: CONNECTION_RATE };
    await using origin = await startOrigin(bench, { size: BLOB_SIZE, ...options });
    const races: Race[] = [];
    for (const copier of copiers) {
      if (copier !== undefined) races.push(await race(bench, copier, origin.url));
    }
    const theirMedian = ({ pairs }: Race): number => median(pairs.map(({ theirs }) => theirs));
    const [best, ...others] = races.sort((a, b) => theirMedian(a) - theirMedian(b));
    const what = `1 GiB, ${LATENCY_MS} ms, ${CONNECTION_RATE / 1e6} MB/s a connection`;
    const missing = [
      ...(copiers[0] === undefined ? ["aria2c is not installed: left out."] : []),
      ...(copiers[1] === undefined ? ["rclone is not installed: left out."] : []),
    ];
    return {
      rows: [
        ...(best === undefined ? [] : [rowOf(`${what}, the best peer`, best, 1.1)]),
        ...others.map((other) => rowOf(`${what}, the other`, other, undefined)),
      ],
      notes: [...missing, timing],
    };
  },
};
