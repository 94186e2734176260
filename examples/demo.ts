// The whole story in a few seconds: `npm run demo`, or `npm run demo -- URL`.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { styleText } from "node:util";
import { flightsFile } from "./flights.ts";
import { downloadAndAsk, type PlainDownload, sha256Of } from "./plain-download.ts";
import { type ReaderReport, runReader } from "./reader-process.ts";
import { type ServedFile, serveFile } from "./serve-file.ts";

const LATENCY_MS = 30;
const LINK_BYTES_PER_SECOND = 4_000_000;

/** An origin that was left by a killed process notices it within this time. */
const SETTLE_MS = 200;

const count = (bytes: number): string => bytes.toLocaleString("en-US");
const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
const share = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`;

function title(text: string): void {
  console.log(`\n${styleText("bold", text)}`);
}

function row(name: string, text: string): void {
  console.log(`   ${name.padEnd(15)} ${text}`);
}

/** Bytes that were sent: by the origin's own count, where it is ours. */
type Sent = () => Promise<number>;

async function demonstrate(url: string, folder: string, sent: Sent | undefined): Promise<void> {
  title("1. The usual way: download, then ask");
  const plain = await downloadAndAsk(url, join(folder, "plain"));
  row("downloaded", `${count(plain.size)} bytes in ${seconds(plain.downloadMs)}`);
  row("first answer", `after ${seconds(plain.answerMs)}: ${plain.answer}`);
  const before = (await sent?.()) ?? 0;

  title("2. With Headwater: ask at once, the rest arrives meanwhile");
  const file = join(folder, "hydrated");
  const first = await runReader(url, file, "ask");
  tellFirst(first, plain);
  await sleep(SETTLE_MS);
  const between = (await sent?.()) ?? 0;

  title("3. The same in a new process: it goes on from there");
  const second = await runReader(url, file, "resume");
  const after = (await sent?.()) ?? 0;
  const found = second.get("opened").here;
  row("found", `${share(found, plain.size)} of the file`);
  row("whole", `${seconds(second.get("whole").ms)} later`);
  const sha256 = await sha256Of(file);
  if (sha256 !== plain.sha256) throw new Error(`the copy differs: sha256 ${sha256}`);
  row("sha256", `${sha256.slice(0, 16)}…, the same as that of the download`);

  title("What it cost");
  const own = sent === undefined;
  const byFirst = own ? fetchedBy(first) : between - before;
  const bySecond = own ? fetchedBy(second) : after - between;
  tellCost({ size: plain.size, found, byFirst, bySecond });
  if (own) console.log("   (by Headwater's own count: this origin does not tell its own)");
}

function tellFirst(first: ReaderReport, plain: PlainDownload): void {
  const { ms, here, answer } = first.get("answered");
  row("first answer", `after ${seconds(ms)}: ${answer}`);
  const sooner = (plain.answerMs / ms).toFixed(1);
  row("", `${sooner} times as soon, with ${share(here, plain.size)} of the file here`);
  if (answer !== plain.answer) throw new Error("the two answers differ");
  if (first.wasKilled) {
    row("kill -9", `in the middle: ${share(first.get("flushed").here, plain.size)} was saved`);
  } else {
    row("whole", "before it could be killed: the file is too small, or the origin too fast");
  }
}

function fetchedBy(report: ReaderReport): number {
  return report.find("whole")?.fetched ?? report.get("progress").fetched;
}

interface Cost {
  readonly size: number;
  /** Of the first process, by the second. */
  readonly found: number;
  readonly byFirst: number;
  readonly bySecond: number;
}

function tellCost({ size, found, byFirst, bySecond }: Cost): void {
  const ratio = (bytes: number): string => (bytes / size).toFixed(2);
  const kept = found + bySecond;
  const lost = byFirst - found;
  row("first process", `${count(byFirst)} bytes sent, ${count(found)} found again`);
  row("second process", `${count(bySecond)} bytes sent, ${count(size - found)} were missing`);
  row("fetched / size", `${ratio(kept)} (${count(kept)} / ${count(size)}) of what was kept`);
  const all = ratio(byFirst + bySecond);
  row("with the kill", `${all}: ${count(lost)} bytes were on their way to the process then`);
}

async function demonstrateHere(folder: string): Promise<void> {
  const options = { latencyMs: LATENCY_MS, bytesPerSecond: LINK_BYTES_PER_SECOND };
  await using served: ServedFile = await serveFile(flightsFile(), options);
  const link = `${LINK_BYTES_PER_SECOND / 1e6} MB/s for everything together`;
  console.log(
    "Three million flights in a Parquet file, on a server that is a process of its own on",
  );
  console.log(`this machine, and slow on purpose: ${LATENCY_MS} ms to each answer, ${link}.`);
  await demonstrate(served.url, folder, async () => (await served.counts()).bytes);
}

const folder = mkdtempSync(join(tmpdir(), "headwater-demo-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
process.once("SIGINT", () => process.exit(130));

const url = process.argv[2];
if (url === undefined) await demonstrateHere(folder);
else await demonstrate(url, folder, undefined);
