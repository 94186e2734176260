import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Scheduler } from "../lib/scheduler.ts";
import { TestClock } from "./devices/test-clock.ts";

const test = suite("scheduler");

const MIB = 2 ** 20;

/** A link on which `rate` bytes a millisecond are shared, and one connection gets at most `own`. */
function run(
  clock: TestClock,
  scheduler: Scheduler,
  link: { rate: number; own: number; firstByteMs: number; size: number },
  rounds: number,
): void {
  for (let round = 0; round < rounds; round += 1) {
    const { concurrency } = scheduler;
    const speed = Math.min(link.own, link.rate / concurrency);
    const transferMs = link.size / speed;
    clock.pass(link.firstByteMs + transferMs);
    for (let fetch = 0; fetch < concurrency; fetch += 1) {
      scheduler.arrived(link.size);
      scheduler.report({
        class: "background",
        bytes: link.size,
        firstByteMs: link.firstByteMs,
        transferMs,
      });
    }
    scheduler.adapt();
  }
}

function make(): { clock: TestClock; scheduler: Scheduler } {
  const clock = new TestClock(() => Promise.resolve());
  return { clock, scheduler: new Scheduler(clock) };
}

test("grows while more connections bring more", () => {
  const { clock, scheduler } = make();
  assert.is(scheduler.concurrency, 4);
  run(clock, scheduler, { rate: 1e9, own: 90_000, firstByteMs: 20, size: 8 * MIB }, 6);
  assert.is(scheduler.concurrency, 16);
});

test("stops at the knee", () => {
  const { clock, scheduler } = make();
  run(clock, scheduler, { rate: 100_000, own: 50_000, firstByteMs: 30, size: 8 * MIB }, 10);
  assert.ok(scheduler.concurrency <= 5, `${scheduler.concurrency}`);
  assert.ok(scheduler.concurrency >= 3, `${scheduler.concurrency}`);
});

test("makes room for readers that wait, and never stops", () => {
  const { clock, scheduler } = make();
  const link = { rate: 1e9, own: 90_000, firstByteMs: 20, size: 8 * MIB };
  run(clock, scheduler, link, 6);
  const demand = { class: "demand" as const, bytes: 131_072, transferMs: 3 };
  scheduler.report({ ...demand, firstByteMs: 20 });
  for (let read = 0; read < 60; read += 1) {
    clock.pass(300);
    scheduler.report({ ...demand, firstByteMs: 60 });
  }
  assert.is(scheduler.concurrency, 1);
  for (let read = 0; read < 60; read += 1) scheduler.report({ ...demand, firstByteMs: 20 });
  clock.pass(5000);
  run(clock, scheduler, link, 30);
  assert.ok(scheduler.concurrency > 4, `${scheduler.concurrency}`);
});

test("fetches little at once while somebody reads, and much when nobody does", () => {
  const { clock, scheduler } = make();
  assert.is(scheduler.fetchSize, MIB);
  run(clock, scheduler, { rate: 1e9, own: 40_000, firstByteMs: 30, size: MIB }, 1);
  scheduler.missed();
  assert.is(scheduler.fetchSize, MIB); // 30 ms x 40 kB/ms, as a power of two
  clock.pass(2000);
  assert.is(scheduler.fetchSize, 8 * MIB);
});

test("a reader leaves a fetch only where its own request is clearly sooner", () => {
  const { clock, scheduler } = make();
  assert.is(scheduler.shouldLeave(8 * MIB, 65_536, 0), false, "nothing is known yet");
  run(clock, scheduler, { rate: 1e9, own: 40_000, firstByteMs: 30, size: 8 * MIB }, 1);
  assert.is(scheduler.shouldLeave(8 * MIB, 65_536, undefined), true); // 200 ms against 32
  assert.is(scheduler.shouldLeave(MIB, 65_536, undefined), false); // 26 ms
  assert.is(scheduler.shouldLeave(MIB, 65_536, 0), false); // 56 ms
});

test.run();
