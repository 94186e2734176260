// One copy in a process of its own, so that what it costs can be told from what measures it:
//
//   node copy-child.js '{"way":"headwater","url":"http://...","path":"...","watch":true}'
//
// Prints a `CopyCost` as JSON. The ways: "headwater"; "plain", a loop over an undici body that
// writes to the file; "idle", nothing at all.

import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { CopyCost, CopyOrder } from "./copy-cost.ts";
import { percentile, timed } from "./measure.ts";

const STATUS = "/proc/self/status";
const order = JSON.parse(process.argv[2] ?? "{}") as CopyOrder;

async function plain(url: string, path: string): Promise<void> {
  const { request } = await import("undici");
  const file = await open(path, "wx");
  try {
    const { body } = await request(url);
    for await (const piece of body as AsyncIterable<Uint8Array>) await file.write(piece);
    await file.sync();
  } finally {
    await file.close();
  }
}

let requests = 0;
let sdkSeconds = 0;

async function headwater({ url, path, transport }: CopyOrder): Promise<() => Promise<void>> {
  const { hydrate } = await import("../adapters/hydrate.ts");
  if (url.startsWith("s3:")) {
    sdkSeconds = await timed(() =>
      Promise.all([import("@aws-sdk/client-s3"), import("@aws-sdk/s3-request-presigner")]),
    );
  }
  return async () => {
    await using clone = await hydrate(
      url,
      path,
      transport === undefined ? {} : { s3: { transport } },
    );
    await clone.hydrated();
    requests = clone.stats().requests;
  };
}

async function workOf(order: CopyOrder): Promise<() => Promise<void>> {
  const { way, url, path } = order;
  if (way === "headwater") return await headwater(order);
  if (way === "plain") return () => plain(url, path);
  return () => sleep(100);
}

/** How much later than asked for a timer of one millisecond came, each time. */
function watchStalls(): { stop(): readonly number[] } {
  const late: number[] = [];
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    late.push(Math.max(0, now - last - 1));
    last = now;
  }, 1);
  return {
    stop: () => {
      clearInterval(timer);
      return late;
    },
  };
}

/**
 * The largest resident size of this process. `maxRSS` is no less than what the parent held when it
 * started us: the kernel counts the moment between fork and exec.
 */
function peakBytes(): number {
  const status = existsSync(STATUS) ? readFileSync(STATUS, "utf8") : "";
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return Number(kibibytes ?? process.resourceUsage().maxRSS) * 1024;
}

const work = await workOf(order);
if (order.announce === true) process.stdout.write("ready\n");
const watch = order.watch === true ? watchStalls() : undefined;
const before = process.cpuUsage();
const start = performance.now();
await work();
const seconds = (performance.now() - start) / 1000;
const { user, system } = process.cpuUsage(before);
const late = watch?.stop() ?? [];
const cost: CopyCost = {
  seconds,
  cpuSeconds: (user + system) / 1e6,
  peakBytes: peakBytes(),
  stallP99: late.length === 0 ? 0 : percentile(late, 99) / 1000,
  stallMax: Math.max(0, ...late) / 1000,
  requests,
  sdkSeconds,
};
process.stdout.write(`${JSON.stringify(cost)}\n`);
if (process.stdout.writableNeedDrain) await once(process.stdout, "drain");
