// Measures Headwater beside other ways of doing the same, and says which targets it meets.
//
//   npm run bench              everything; writes bench/RESULTS.md
//   npm run bench -- a d f     these subjects; writes their sections anew, and leaves the others
//
// HEADWATER_BENCH_FOLDER names the folder to work in, HEADWATER_BENCH_RUNS and
// HEADWATER_BENCH_KILLS say how often subjects c and i repeat. HEADWATER_LTX_BIG names the folder
// of a level of a Litestream replica for l, m and p, LITESTREAM_VFS the Litestream extension for m
// and p.

import { readFile, rm, writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { versionOf } from "./child.ts";
import { makeBlob, makeFolder } from "./files.ts";
import { originKind } from "./origin.ts";
import { nginxVersion } from "./peers.ts";
import { type Bench, GIB, type Report, type Subject, section } from "./report.ts";
import { fairnessSubject } from "./subjects/fairness.ts";
import { footprintSubject } from "./subjects/footprint.ts";
import { hedgedReadsSubject } from "./subjects/hedged-reads.ts";
import { hydratedReadsSubject } from "./subjects/hydrated-reads.ts";
import { killSubject } from "./subjects/kill.ts";
import { litestreamSubject } from "./subjects/litestream.ts";
import { litestreamQueriesSubject } from "./subjects/litestream-queries.ts";
import { ltxFilesSubject } from "./subjects/ltx-files.ts";
import { missingReadsSubject } from "./subjects/missing-reads.ts";
import { nbdReadsSubject } from "./subjects/nbd-reads.ts";
import { openSubject } from "./subjects/open.ts";
import { s3Subject } from "./subjects/s3.ts";
import { servedOnceSubject } from "./subjects/served-once.ts";
import { sqliteColdSubject } from "./subjects/sqlite-cold.ts";
import { sqliteEnginesSubject } from "./subjects/sqlite-engines.ts";
import { terabyteSubject } from "./subjects/terabyte.ts";
import { nginxCopySubject, pacedCopySubject } from "./subjects/whole-copy.ts";

const SUBJECTS: readonly Subject[] = [
  openSubject,
  missingReadsSubject,
  servedOnceSubject,
  nginxCopySubject,
  pacedCopySubject,
  hydratedReadsSubject,
  footprintSubject,
  terabyteSubject,
  killSubject,
  nbdReadsSubject,
  fairnessSubject,
  ltxFilesSubject,
  litestreamSubject,
  sqliteEnginesSubject,
  sqliteColdSubject,
  litestreamQueriesSubject,
  s3Subject,
  hedgedReadsSubject,
];

function countFrom(name: string, byDefault: number): number {
  const count = Number(process.env[name] ?? byDefault);
  if (Number.isInteger(count) && count > 0) return count;
  throw new RangeError(`${name} is ${process.env[name]}; it must be a whole number of at least 1`);
}

function chosen(letters: readonly string[]): readonly Subject[] {
  const unknown = letters.find((letter) => !SUBJECTS.some((subject) => subject.letter === letter));
  if (unknown !== undefined) {
    const known = SUBJECTS.map(({ letter, title }) => `  ${letter}  ${title}`).join("\n");
    throw new TypeError(`there is no subject ${unknown}; there are\n${known}`);
  }
  return letters.length === 0
    ? SUBJECTS
    : SUBJECTS.filter(({ letter }) => letters.includes(letter));
}

function machine(folder: string): string {
  const kind = cpus()[0]?.model.trim() ?? "unknown";
  const peers = {
    nginx: nginxVersion(),
    curl: versionOf("curl")?.split(" ").slice(0, 2).join(" "),
    aria2c: versionOf("aria2c"),
    rclone: versionOf("rclone", "version"),
  };
  const names = Object.entries(peers).map(([name, found]) => found ?? `${name} not installed`);
  return [
    `- ${cpus().length} x ${kind}, ${Math.round(totalmem() / GIB)} GiB of memory, ${process.platform}`,
    `- Node ${process.version}; ${names.join("; ")}`,
    `- Origin: ${originKind(folder)}, on the loopback of the same machine`,
    `- ${new Date().toISOString().slice(0, 10)}`,
  ].join("\n");
}

function head(folder: string): string {
  return `# Benchmark results

Written by \`npm run bench\`. Times are medians; every comparison is made in one run, in turns.
The figure is what the target is about: ours / theirs where both are given, so less is better.
Each section is of the last run that had it.

${machine(folder)}
`;
}

async function runAll(subjects: readonly Subject[], bench: Bench): Promise<readonly string[]> {
  const sections: string[] = [];
  for (const subject of subjects) {
    process.stderr.write(`${subject.letter}. ${subject.title} ...\n`);
    const start = performance.now();
    const report: Report = await subject.run(bench);
    const shown = section(subject, report);
    sections.push(shown);
    const seconds = ((performance.now() - start) / 1000).toFixed(0);
    process.stdout.write(`${shown}\n`);
    process.stderr.write(`(${seconds} s)\n\n`);
  }
  return sections;
}

function sectionsOf(results: string): readonly string[] {
  return results.split(/^(?=## )/m).slice(1);
}

/** In the order of their letters. A section that was written anew takes the place of the former. */
function merge(former: readonly string[], anew: readonly string[]): readonly string[] {
  const letterOf = (text: string): string => text.slice("## ".length, "## a".length);
  const byLetter = new Map([...former, ...anew].map((text) => [letterOf(text), text.trimEnd()]));
  return [...byLetter]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([, text]) => `${text}\n`);
}

async function main(): Promise<void> {
  const letters = process.argv.slice(2);
  const subjects = chosen(letters);
  const folder = await makeFolder();
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  process.once("SIGINT", () => void remove().then(() => process.exit(130)));
  try {
    const bench: Bench = {
      folder,
      blob: await makeBlob(folder),
      runs: countFrom("HEADWATER_BENCH_RUNS", 10),
      kills: countFrom("HEADWATER_BENCH_KILLS", 5),
    };
    const intro = head(folder);
    process.stdout.write(`${intro}\n`);
    const sections = await runAll(subjects, bench);
    const path = fileURLToPath(new URL("../../bench/RESULTS.md", import.meta.url));
    const former = letters.length === 0 ? [] : sectionsOf(await readFile(path, "utf8"));
    await writeFile(path, [intro, ...merge(former, sections)].join("\n"));
  } finally {
    await remove();
  }
}

await main();
