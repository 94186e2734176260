import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice, MemoryMapStore } from "../adapters/memory.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { type ByteRange, Clone, type CloneOptions } from "../lib/index.ts";
import { heldSource, until } from "./devices/held-source.ts";
import { ScriptedSource } from "./devices/scripted-source.ts";

const test = suite("rest and other sources");

const REGION = 4096;
const SIZE = 8 * REGION;
const original = patternBytes(SIZE);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Says whether it is being changed. */
class BusyDestination extends MemoryDevice {
  isBusy = false;
  discards = 0;

  override async discard(offset: number, length: number): Promise<void> {
    this.isBusy = true;
    this.discards += 1;
    for (let turns = 0; turns < 5; turns += 1) await turn();
    await super.discard(offset, length);
    this.isBusy = false;
  }
}

/** A source of zeros, which says so region by region. */
class ZeroSource extends MemoryDevice {
  async *zeros(): AsyncGenerator<ByteRange, void, undefined> {
    for (let offset = 0; offset < SIZE; offset += REGION) yield { offset, length: REGION };
  }
}

function open(options: Partial<CloneOptions>): Promise<Clone> {
  const destination = new MemoryDevice(SIZE);
  return Clone.open({ destination, regionSize: REGION, readAround: 0, ...options });
}

test("known zeros are not marked during a suspension, nor after the end", async () => {
  const destination = new BusyDestination(SIZE);
  const source = new ZeroSource(SIZE);
  const clone = await open({ source, destination, hydrationThreshold: 0 });
  await until(() => destination.discards === 2);
  const end = await clone.suspend();
  const { discards } = destination;
  assert.not(destination.isBusy);
  for (let turns = 0; turns < 20; turns += 1) await turn();
  assert.is(destination.discards, discards, "zeros were marked while nothing was to be used");
  end();
  await until(() => destination.discards > discards);
  await clone.close();
  assert.not(destination.isBusy, "zeros are being marked after the clone was closed");
});

test("a reader without retries does not notice another source", async () => {
  for (const copyOnRead of [true, false]) {
    const { source } = heldSource(original.slice(), REGION);
    const retries = { demand: 0 };
    const clone = await open({ source, noHydration: true, copyOnRead, retries });
    const read = clone.read(0, SIZE);
    await until(() => source.calls === 1);
    await clone.reconnect(new ScriptedSource(original.slice()));
    assert.equal(await read, original);
    await clone.close();
  }
});

test("another source for a copy that is whole is let go at once", async () => {
  const clone = await open({ source: new ScriptedSource(original.slice()) });
  await clone.hydrated();
  const another = new ScriptedSource(original.slice());
  await clone.reconnect({ open: async () => another, recognizes: () => true });
  assert.ok(another.isClosed);
  await clone.close();
});

test("a suspension that the end overtakes stores nothing after it", async () => {
  let letWrite: (() => void) | undefined;
  let isClosed = false;
  class SlowDestination extends MemoryDevice {
    override async write(offset: number, pieces: readonly Uint8Array[]): Promise<void> {
      await new Promise<void>((resolve) => {
        letWrite = resolve;
      });
      await super.write(offset, pieces);
    }

    override async flush(): Promise<void> {
      assert.not(isClosed, "the destination is flushed after the end");
      for (let turns = 0; turns < 5; turns += 1) await turn();
    }
  }
  const source = new ScriptedSource(original.slice());
  const destination = new SlowDestination(SIZE);
  const mapStore = new MemoryMapStore();
  const clone = await open({ source, destination, mapStore, noHydration: true });
  const write = clone.write(0, patternBytes(REGION));
  await turn();
  const suspended = clone.suspend().catch((error) => error);
  const closed = clone.close();
  await until(() => letWrite !== undefined);
  letWrite?.();
  await Promise.all([write, closed]);
  isClosed = true;
  assert.is((await suspended).code, "CLOSED");
  for (let turns = 0; turns < 50; turns += 1) await turn();
});

test("a clone can be closed while it takes another source", async () => {
  const { source } = heldSource(original.slice(), REGION);
  const clone = await open({ source, hydrationBatchSize: 1 });
  await until(() => source.calls > 0);
  const reconnected = clone.reconnect(new ScriptedSource(original.slice())).catch(() => {});
  await clone.close(); // a rejection that nobody handles would end the process
  await reconnected;
  await turn();
});

test.run();
