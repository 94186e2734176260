import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { SoakReport } from "./soak/main.ts";

const test = suite("soak with faults");

/** How long, and by how much memory may grow where that is long enough to tell. */
const SECONDS = Number(process.env.SOAK_SECONDS ?? 5);
const GROWTH = 1.1;
/** Less than this is the warming up of a process. */
const TELLING_SECONDS = 300;

test("copies hydrate through every fault while they are read and written, and nothing is left", async () => {
  const main = fileURLToPath(new URL("./soak/main.js", import.meta.url));
  const child = fork(main, [`${SECONDS}`], { execArgv: ["--expose-gc"] });
  const [report] = (await once(child, "message")) as [SoakReport];
  await once(child, "exit");
  const { rssFirst, rssLast, descriptorsBefore, descriptorsAfter, warnings } = report;
  if (process.env.SOAK_SECONDS !== undefined) console.log(JSON.stringify(report));
  assert.is(child.exitCode, 0);
  assert.equal(report.wrong, []);
  assert.ok(report.copies > 0, "no copy was made");
  assert.ok(report.faultsMet > 0, "no fault was met");
  assert.is(descriptorsAfter, descriptorsBefore);
  assert.equal(warnings, []); // of too many listeners, for one
  if (SECONDS < TELLING_SECONDS) return;
  assert.ok(rssLast <= rssFirst * GROWTH, `${rssFirst} bytes of memory became ${rssLast}`);
});

test.run();
