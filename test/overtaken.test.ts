import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice } from "../adapters/memory.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { Clone } from "../lib/index.ts";
import { ScriptedSource } from "./devices/scripted-source.ts";

const test = suite("readers overtaken by writes");

const REGION = 4096;
const original = patternBytes(4 * REGION);
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A destination whose writes wait until they are let go. */
class HeldDestination extends MemoryDevice {
  letGo = (): void => {};
  isHeld = false;

  override async write(offset: number, pieces: readonly Uint8Array[]): Promise<void> {
    if (this.isHeld) {
      this.isHeld = false;
      await new Promise<void>((resolve) => {
        this.letGo = resolve;
      });
    }
    await super.write(offset, pieces);
  }
}

test("a reader whose last region is being written waits, and leaves the thread to others", async () => {
  let arrive = (): void => {};
  const pause = (): Promise<void> =>
    new Promise((resolve) => {
      arrive = resolve;
    });
  const source = new ScriptedSource(original.slice(), { pause });
  const destination = new HeldDestination(original.length);
  const options = { regionSize: REGION, noHydration: true, readAround: 0 };
  await using clone = await Clone.open({ source, destination, ...options });
  const ours = patternBytes(REGION, 2);
  await clone.write(3 * REGION, ours); // from now on it is recorded that a user writes
  const read = clone.read(0, 3 * REGION);
  destination.isHeld = true;
  const write = clone.write(2 * REGION, ours);
  await settle(); // never comes back where the reader asks again and again
  arrive();
  await settle();
  destination.letGo();
  await write;

  const bytes = await read;
  assert.equal(bytes.subarray(0, 2 * REGION), original.subarray(0, 2 * REGION));
  assert.equal(bytes.subarray(2 * REGION), ours);
});

test.run();
