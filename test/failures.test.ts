import { suite } from "uvu";
import * as assert from "uvu/assert";
import { http } from "../adapters/http/index.ts";
import { MemoryDevice } from "../adapters/memory.ts";
import { Clone, type CloneOptions, type FailureReason } from "../lib/index.ts";
import { ScriptedSource } from "./devices/scripted-source.ts";
import { type Rule, startOrigin } from "./origin/client.ts";
import { failure, rejection } from "./rejection.ts";

const test = suite("failures and retries of a whole clone");

const REGION = 4096;
const SIZE = 64 * REGION;
const original = Uint8Array.from({ length: SIZE }, (_, index) => (index * 7 + (index >> 8)) % 251);
const origin = await startOrigin();

test.after(() => origin.close());

test("each failure is counted by its reason, though the read came through", async () => {
  const rules: Record<Exclude<FailureReason, "corrupt">, Rule> = {
    timeout: { silence: "stall" },
    connection: { silence: "reset" },
    short: { cut: { after: 100, how: "end" }, chunked: true },
    status: { status: 503 },
    other: { claim: { start: 1 } },
    changed: { version: 1, times: 2 }, // asked again without a condition
  };
  for (const [reason, rule] of Object.entries(rules)) {
    const path = `/${reason}`;
    await origin.set(path, { skip: 1, times: 1, ...rule });
    const limitMs = reason === "timeout" ? 1000 : 10_000;
    const options = { headersTimeoutMs: limitMs, stallTimeoutMs: limitMs };
    await using source = await http(origin.url(`${path}?size=1000000`), options).open();
    const destination = new MemoryDevice(1_000_000);
    const retries = { backoffMs: 1 };
    await using clone = await Clone.open({ source, destination, noHydration: true, retries });
    const read = clone.read(500_000, 1000);
    if (reason === "changed") await rejection(read);
    else await read;
    const { failures } = clone.stats();
    const counted = Object.entries(failures).filter(([, count]) => count > 0);
    assert.is(counted.length, 1, `${counted}`);
    // A busy machine may be late once more.
    assert.ok(failures[reason as FailureReason] <= (reason === "timeout" ? 2 : 1), `${counted}`);
    assert.is(counted[0]?.[0], reason);
  }
});

test("the status of an answer is part of its error", async () => {
  await origin.set("/refused", { status: 403 });
  assert.is((await failure(http(origin.url("/refused")).open())).status, 403);
});

function open(source: ScriptedSource, options: Partial<CloneOptions>): Promise<Clone> {
  const destination = new MemoryDevice(SIZE);
  const base = { source, destination, regionSize: REGION, readAround: 0, noHydration: true };
  return Clone.open({ ...base, ...options });
}

test("a source that is down is left in peace, however many wait for it", async () => {
  for (const copyOnRead of [true, false]) {
    const fault = { kind: "fails", retryable: true } as const;
    const source = new ScriptedSource(original, { fault: () => fault });
    const retries = { demand: 3, backoffMs: 1, budget: 5 };
    await using clone = await open(source, { retries, copyOnRead });
    const reads = Array.from({ length: 50 }, (_, region) => clone.read(region * REGION, 1));
    const results = await Promise.allSettled(reads);
    assert.ok(results.every(({ status }) => status === "rejected"));
    // One more for each second that it took.
    assert.ok(source.calls >= 55 && source.calls < 70, `${source.calls} calls`);
  }
});

test("what is brought gives a retry back", async () => {
  const fails = { kind: "fails", retryable: true } as const;
  const source = new ScriptedSource(original, {
    fault: (call) => (call % 2 === 0 ? fails : undefined),
  });
  // A read may be answered a little before its fetch has ended.
  const retries = { demand: 1, backoffMs: 1, budget: 3 };
  await using clone = await open(source, { retries });
  for (let region = 0; region < 20; region += 1) {
    const at = region * REGION;
    assert.equal(await clone.read(at, 10, { exact: true }), original.slice(at, at + 10));
  }
  assert.is(clone.stats().failures.other + clone.stats().failures.connection, 20);
});

test.run();
