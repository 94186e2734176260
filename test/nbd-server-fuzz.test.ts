import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice } from "../adapters/memory.ts";
import { type NbdServer, serveNbd } from "../adapters/nbd/index.ts";
import { COMMAND } from "../adapters/nbd/protocol.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { Clone } from "../lib/index.ts";
import { randomFrom } from "./devices/random.ts";
import { type Random, session } from "./nbd/frames.ts";
import { RawClient } from "./nbd/raw-client.ts";
import { until } from "./nbd/waiting.ts";

const test = suite("NBD server, fuzzed");

/** As many frames: set FUZZ_FRAMES for more, and FUZZ_SEED for others. */
const FRAMES = Number(process.env.FUZZ_FRAMES ?? 5000);
const SEED = Number(process.env.FUZZ_SEED ?? 1);
const AT_ONCE = 6;
const SIZE = 2 ** 20 + 333;
/** What the server may keep for later: reply buffers, and what is not collected yet. */
const KEPT_BYTES: number = 64 * 2 ** 20;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

function memory(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function openHandles(): number {
  return process.getActiveResourcesInfo().filter((kind) => /socket|pipe|tcp/i.test(kind)).length;
}

/** Sends a session's frames and leaves in one of the ways there are. Returns how many it sent. */
async function attack(server: NbdServer, random: Random): Promise<number> {
  const socket = connect(server.address.port ?? 0, "127.0.0.1");
  socket.on("error", () => {}); // the server ends what it cannot understand
  const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
  // Some take no replies at all.
  if (random(10) > 0) socket.resume();
  let sent = 0;
  for (const frame of session(random)) {
    if (socket.destroyed) break;
    sent += 1;
    const cut = random(5) === 0 ? random(frame.length + 1) : frame.length;
    socket.write(frame.subarray(0, cut));
    if (cut < frame.length) socket.write(frame.subarray(cut));
    if (random(10) === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const way = random(4);
  if (way === 0) socket.resetAndDestroy();
  else if (way === 1) socket.destroy();
  else {
    socket.end();
    socket.resume();
    // Half open, or a server that waits for the rest of something.
    await Promise.race([closed, sleep(way === 2 ? 20 : 200, undefined, { ref: false })]);
    socket.destroy();
  }
  await closed;
  return sent;
}

test(`${FRAMES} frames, most of them wrong, harm nobody else`, async () => {
  const original = patternBytes(SIZE);
  const open = (): Promise<Clone> =>
    Clone.open({
      source: new MemoryDevice(original.slice()),
      destination: new MemoryDevice(SIZE),
      regionSize: 4096,
    });
  await using prey = await open();
  await using other = await open();
  await using server = await serveNbd({ prey, other }, { port: 0 });
  await using bystander = await RawClient.open(server, { name: "other" });
  const handles = openHandles();
  const before = memory();
  const random = randomFrom(SEED);
  let frames = 0;
  let isOver = false;

  const attacker = async (own: Random): Promise<void> => {
    while (frames < FRAMES) frames += await attack(server, own);
  };
  const watching = (async () => {
    for (let offset = 0; !isOver; offset = (offset + 7919) % (SIZE - 5000)) {
      const { data } = await bystander.call({ type: COMMAND.read, offset, length: 5000 });
      assert.ok(data.equals(original.subarray(offset, offset + 5000)), `other bytes at ${offset}`);
      await sleep(1);
    }
  })();
  const attackers = Array.from({ length: AT_ONCE }, () => attacker(randomFrom(random(2 ** 30))));
  await Promise.all(attackers);
  isOver = true;
  await watching;

  await until(() => server.stats().connections === 1);
  const { accepted, requests, errors } = server.stats();
  assert.ok(requests > frames / 4, `${requests} requests of ${frames} frames came that far`);
  assert.ok(errors > requests / 100, `${errors} errors`);
  assert.ok(accepted > AT_ONCE);
  // A socket's handle is let go a moment after it is closed.
  await until(() => openHandles() <= handles);
  const grown = memory() - before;
  assert.ok(grown < KEPT_BYTES, `${grown} bytes are held after ${frames} frames`);
  assert.is((await bystander.call({ type: COMMAND.flush })).error, 0);
});

test.run();
