import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type CloneStatus, type HydrationState, statusLine } from "../lib/index.ts";
import { Stage } from "./dm-clone/stage.ts";
import { parseStatusLine, parseTable, readTraces } from "./dm-clone/trace.ts";

const test = suite("status line");

const PLAIN = "0 1032 clone m d s 16 1 no_hydration";
/** What the kernel's metadata takes is not what our map takes. */
const withoutBlocks = (line: string): string => line.replace(/ \d+\/\d+ /, " ");

async function statusOf(
  table: string,
  ...steps: ((stage: Stage) => unknown)[]
): Promise<CloneStatus> {
  const stage = new Stage();
  await stage.open(parseTable(table));
  for (const step of steps) {
    await stage.settle(Promise.resolve(step(stage)));
    await stage.rest();
  }
  const status = stage.clone.status();
  await stage.close();
  return status;
}

test("the parser reads every line of the kernel as the traces do", () => {
  let count = 0;
  for (const line of [...readTraces().values()].flat()) {
    if (line.status_line === undefined || typeof line.status !== "object") continue;
    const theirs: Partial<Record<string, unknown>> = { ...line.status };
    for (const blocks of ["md_block_size", "md_used", "md_total"]) delete theirs[blocks];
    assert.equal(parseStatusLine(line.status_line), theirs);
    count += 1;
  }
  assert.ok(count > 300, `${count} lines`);
});

test("a new clone prints what the kernel's prints, to the letter", async () => {
  const [first] =
    readTraces()
      .get("02-writes")
      ?.filter(({ kind }) => kind === "op") ?? [];
  const write = (stage: Stage): Promise<void> => stage.clone.write(512, new Uint8Array(512));
  const line = statusLine(await statusOf(PLAIN, write));
  assert.is(withoutBlocks(line), withoutBlocks(first?.status_line ?? ""));
});

test("the map takes some blocks of those that it has", async () => {
  const line = statusLine(await statusOf(PLAIN, (stage) => stage.clone.flush()));
  const [, used = 0, total = 0] = (/ (\d+)\/(\d+) /.exec(line) ?? []).map(Number);
  assert.ok(0 < used && used < total, line);
});

test("a length that is no whole number of sectors is rounded up", async () => {
  const status = await statusOf(PLAIN);
  assert.match(statusLine({ ...status, size: 1025 }), /^0 3 clone 8 /);
});

const FEATURES: Readonly<Record<HydrationState, string>> = {
  off: "1 no_hydration",
  paused: "1 no_hydration",
  stalled: "1 no_hydration",
  running: "0",
  complete: "0",
};

for (const [hydration, features] of Object.entries(FEATURES) as [HydrationState, string][]) {
  test(`hydration that is ${hydration} has the features ${features}`, async () => {
    const line = statusLine({ ...(await statusOf(PLAIN)), hydration });
    assert.ok(line.includes(` 0/65 0 ${features} 4 hydration_threshold 1 `), line);
  });
}

test("says the mode", async () => {
  const status = await statusOf(PLAIN);
  assert.match(statusLine({ ...status, mode: "read-only" }), / hydration_batch_size 1 ro$/);
  assert.is(statusLine({ ...status, mode: "failed" }), "0 1032 clone Fail");
});

test.run();
