import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { randomFrom } from "./devices/random.ts";
import { type Life, writeOf } from "./kill/plan.ts";
import { startOrigin } from "./origin/client.ts";

const test = suite("kill -9");

/** As many kills: set KILLS for more, and KILL_SEED for others. */
const KILLS = Number(process.env.KILLS ?? 24);
const SEED = Number(process.env.KILL_SEED ?? 1);
const SIZE = 6 * 2 ** 20 + 777;
/** A whole copy takes longer than most lives. */
const BYTES_PER_SECOND = 8e6;

const origin = await startOrigin({ bytesPerSecond: BYTES_PER_SECOND });
test.after(() => origin.close());

/** Lives for so long after it said that word. Returns what it said, and its complaints. */
async function live(life: Life, word: string, forMs: number): Promise<readonly string[]> {
  const main = fileURLToPath(new URL("./kill/life.js", import.meta.url));
  const child = spawn(process.execPath, ["--enable-source-maps", main, JSON.stringify(life)]);
  const exit = once(child, "exit");
  let said = "";
  let complaints = "";
  const heard = new Promise<void>((resolve) => {
    child.stdout.on("data", (piece: Buffer) => {
      said += piece;
      if (said.includes(word)) resolve();
    });
  });
  child.stderr.on("data", (piece: Buffer) => {
    complaints += piece;
  });
  await Promise.race([heard.then(() => sleep(forMs, undefined, { ref: false })), exit]);
  child.kill("SIGKILL");
  const [code] = (await exit) as [number | null];
  assert.ok(code === null || code === 0, `life ${life.number} failed: ${complaints}`);
  return said.trim().split("\n");
}

/** Whether each byte is what it was before, or what was written over it. */
function isOneOrOther(found: Uint8Array, before: Uint8Array, after: Uint8Array): boolean {
  return found.every((byte, index) => byte === before[index] || byte === after[index]);
}

test(`${KILLS} processes are killed, and no byte is wrong in the end`, async () => {
  const folder = await mkdtemp(join(tmpdir(), "headwater-kill-"));
  const random = randomFrom(SEED);
  const path = join(folder, "blob");
  const url = origin.url(`/blob?size=${SIZE}&seed=5`);
  const expected = origin.bytes(5, 0, SIZE);
  const unsure: { offset: number; bytes: Uint8Array }[] = [];
  try {
    for (let number = 1; number <= KILLS; number += 1) {
      const life = { url, path, size: SIZE, number };
      const word = ["began", "opened", "written", "flushed"][random(4)] ?? "began";
      const said = await live(life, word, random(300));
      if (said.includes("flushed")) expected.set(writeOf(life).bytes, writeOf(life).offset);
      else if (said.includes("opened")) unsure.push(writeOf(life));
    }
    const last = { url, path, size: SIZE, number: KILLS + 1 };
    const said = await live(last, "closed", 60_000);
    assert.is(said.at(-1), "closed");
    expected.set(writeOf(last).bytes, writeOf(last).offset);

    const found = new Uint8Array(await readFile(path));
    for (const { offset, bytes } of unsure) {
      const part = found.subarray(offset, offset + bytes.length);
      const before = expected.subarray(offset, offset + bytes.length);
      assert.ok(isOneOrOther(part, before, bytes), `the write at ${offset} left something else`);
      expected.set(part, offset);
    }
    const wrong = found.findIndex((byte, index) => byte !== expected[index]);
    assert.is(wrong, -1, `byte ${wrong} is wrong`);
    assert.is(found.length, SIZE);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.run();
