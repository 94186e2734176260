import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice } from "../adapters/memory.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { Clone } from "../lib/index.ts";
import { ScriptedSource } from "./devices/scripted-source.ts";
import { TestClock } from "./devices/test-clock.ts";
import { failure } from "./rejection.ts";

const test = suite("sources that send nothing");

const REGION = 4096;
const original = patternBytes(2 * REGION);
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

for (const copyOnRead of [true, false]) {
  const kept = copyOnRead ? "kept" : "not kept";
  test(`a read ends with TIMEOUT where what it reads is ${kept}`, async () => {
    const clock = new TestClock(settle);
    const source = new ScriptedSource(original.slice(), {
      pieces: [1000],
      fault: () => ({ kind: "stalls", after: 3000 }),
    });
    const clone = await Clone.open({
      ...{ source, destination: new MemoryDevice(original.length), regionSize: REGION, clock },
      ...{ noHydration: true, copyOnRead, stallTimeoutMs: 5000, retries: { demand: 0 } },
    });
    const read = failure(clone.read(0, 2 * REGION));
    await settle();
    clock.pass(4999);
    clock.tick();
    await settle();
    assert.is(source.calls, 1);
    clock.pass(1);
    clock.tick();
    assert.is((await read).code, "TIMEOUT");
    await clone.close();
  });
}

test.run();
