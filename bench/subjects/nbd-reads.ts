import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, truncateSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { startModule, stop, versionOf } from "../child.ts";
import { withTarget } from "../files.ts";
import { inTurns, summary } from "../measure.ts";
import { duration, KIB, MIB, type Report, type Row, type Subject } from "../report.ts";

const SIZE = 256 * MIB;
const ROUNDS = 9;
const SECONDS_A_ROUND = 1;
const TARGET = 1.5;

interface Case {
  readonly what: string;
  readonly length: number;
  readonly pattern: "randread" | "read";
  readonly depth: number;
}

const CASES: readonly Case[] = [1, 16].flatMap((depth) => [
  { what: "4 KiB at random", length: 4 * KIB, pattern: "randread" as const, depth },
  { what: "1 MiB in sequence", length: MIB, pattern: "read" as const, depth },
]);

const run = promisify(execFile);

function uriOf(unix: string): string {
  return `nbd+unix:///?socket=${unix}`;
}

/** Seconds for one read, from the reads in a second. */
async function timeOfRead(unix: string, { length, pattern, depth }: Case): Promise<number> {
  const words = ["--name=reads", "--ioengine=nbd", `--uri=${uriOf(unix)}`, "--output-format=json"];
  const load = [`--rw=${pattern}`, `--bs=${length}`, `--iodepth=${depth}`, `--size=${SIZE}`];
  const limits = ["--time_based", `--runtime=${SECONDS_A_ROUND}`, "--norandommap"];
  const { stdout } = await run("fio", [...words, ...load, ...limits], { timeout: 60_000 });
  const { jobs } = JSON.parse(stdout.slice(stdout.indexOf("{"))) as {
    jobs: readonly { error: number; read: { iops: number } }[];
  };
  const [job] = jobs;
  if (job === undefined || job.error !== 0) throw new Error(`fio failed: ${stdout}`);
  return 1 / job.read.iops;
}

async function untilServed(unix: string, child: ChildProcess): Promise<void> {
  while (!existsSync(unix)) {
    if (child.exitCode !== null) throw new Error(`the server of ${unix} ended`);
    await sleep(20);
  }
}

async function compare(from: string, path: string): Promise<Row[]> {
  const [ourSocket, theirSocket] = [`${path}.ours`, `${path}.theirs`];
  const options = JSON.stringify({ from, to: path, unix: ourSocket });
  const ours = startModule("nbd-child.js", [options]);
  const theirs = spawn("nbdkit", ["--foreground", "--unix", theirSocket, "file", from], {
    stdio: "ignore",
  });
  try {
    await untilServed(theirSocket, theirs);
    if (ours.stdout === null) throw new Error("our server says nothing");
    await once(ours.stdout, "data");
    const rows: Row[] = [];
    for (const each of CASES) {
      const pairs = await inTurns(
        ROUNDS,
        () => timeOfRead(ourSocket, each),
        () => timeOfRead(theirSocket, each),
      );
      const { ours: own, theirs: other, ratio } = summary(pairs);
      rows.push({
        what: `${each.what}, ${each.depth} at a time`,
        ours: duration(own),
        theirs: `nbdkit file: ${duration(other)}`,
        figure: ratio,
        target: TARGET,
      });
    }
    return rows;
  } finally {
    await Promise.all([stop(ours), stop(theirs)]);
  }
}

/** What our NBD server costs beside one in C that serves a plain file. */
export const nbdReadsSubject: Subject = {
  letter: "j",
  title: "Hydrated reads over NBD",

  async run(bench): Promise<Report> {
    const missing = ["nbdkit", "fio"].filter((program) => versionOf(program) === undefined);
    if (missing.length > 0) {
      return { rows: [], notes: [`Not measured: ${missing.join(" and ")} not installed.`] };
    }
    return await withTarget(bench.folder, async (path) => {
      const from = join(bench.folder, "nbd-source");
      await copyFile(bench.blob, from);
      truncateSync(from, SIZE);
      return {
        rows: await compare(from, path),
        notes: [
          `256 MiB in the page cache, each server in a process of its own behind a Unix socket; ` +
            `fio with ioengine=nbd, ${ROUNDS} rounds in turns of ${SECONDS_A_ROUND} s. ` +
            "The times are seconds / reads, so at depth 16 they are not what one read waits.",
        ],
      };
    });
  },
};
