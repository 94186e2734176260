import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice, MemoryMapStore } from "../adapters/memory.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { Clone, type CloneOptions, HeadwaterError, type MapStore } from "../lib/index.ts";
import { rejection } from "./rejection.ts";

const test = suite("closing");

const REGION = 4096;
const SIZE = 4 * REGION;
const original = patternBytes(SIZE);

/** A destination that says what it does, each thing in a turn of its own. */
class LoggedDestination extends MemoryDevice {
  readonly log: string[];

  constructor(bytes: Uint8Array) {
    const log: string[] = [];
    super(bytes, { pause: () => new Promise(setImmediate) });
    this.log = log;
  }

  override async write(offset: number, pieces: readonly Uint8Array[]): Promise<void> {
    await super.write(offset, pieces);
    this.log.push("written");
  }

  override async flush(): Promise<void> {
    await super.flush();
    this.log.push("flushed");
  }
}

function open(options: Partial<CloneOptions>): Promise<Clone> {
  const source = new MemoryDevice(original.slice());
  const destination = new MemoryDevice(SIZE);
  return Clone.open({ source, destination, regionSize: REGION, noHydration: true, ...options });
}

test("a write that was let in before the end is made durable by it", async () => {
  const destination = new LoggedDestination(new Uint8Array(SIZE));
  const mapStore = new MemoryMapStore();
  const clone = await open({ destination, mapStore });
  const ours = patternBytes(REGION, 2);
  const write = clone.write(REGION, ours);
  await clone.close();
  assert.is(destination.log.at(-1), "flushed");
  await write;
  assert.is(destination.log.at(-1), "flushed", "it was written after the clone was closed");

  const again = await open({ destination, mapStore });
  assert.equal(await again.read(REGION, REGION), ours);
  await again.close();
});

test("whether the map can be believed is found out before a clone is closed", async () => {
  let loads = 0;
  let isLoading = false;
  const mapStore: MapStore = {
    load: async () => {
      loads += 1;
      isLoading = true;
      for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
      isLoading = false;
      return [new Uint8Array(), new Uint8Array()];
    },
    save: () => Promise.reject(new Error("no")),
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
  const clone = await open({ mapStore });
  await rejection(clone.close());
  assert.is(loads, 2);
  assert.not(isLoading, "the map store is still in use");
});

test("a read that fails leaves nothing under way", async () => {
  let isReading = false;
  const destination = new MemoryDevice(SIZE);
  destination.readIntoSync = () => false;
  destination.readInto = async () => {
    isReading = true;
    for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
    isReading = false;
  };
  const source = new MemoryDevice(original.slice());
  const clone = await open({ source, destination, copyOnRead: false });
  await clone.write(0, patternBytes(REGION, 2));
  source.read = () => Promise.reject(new HeadwaterError("SOURCE_FAILED", "no"));
  await rejection(clone.read(0, 2 * REGION));
  assert.not(isReading, "the reader's bytes change after it was told of the failure");
  await clone.close();
});

test.run();
