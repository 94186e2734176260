import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice, MemoryMapStore } from "../adapters/memory.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { Clone, type CloneOptions, readSlots } from "../lib/index.ts";
import { survivesCrashes } from "./advance-crashes.ts";
import { type Change, History } from "./devices/history.ts";
import { ScriptedSource } from "./devices/scripted-source.ts";
import { failure } from "./rejection.ts";

const test = suite("advance");

const REGION = 4096;

const FIRST = patternBytes(10 * REGION + 100);

function twoVersions(change: Change): History {
  const history = new History(FIRST);
  history.add(change);
  return history;
}

const CHANGE: Change = {
  size: FIRST.length + 3 * REGION,
  edits: [{ offset: 2 * REGION + 10, length: REGION }],
};

function open(history: History, options: Partial<CloneOptions> = {}): Promise<Clone> {
  const destination = new MemoryDevice(history.versions[0]?.length ?? 0);
  return Clone.open({
    source: history.source(0),
    destination,
    regionSize: REGION,
    readAround: 0,
    ...options,
  });
}

test("fetches only what has changed, and keeps the rest", async () => {
  const history = twoVersions(CHANGE);
  const destination = new MemoryDevice(FIRST.length);
  await using clone = await open(history, { destination });
  await clone.hydrated();
  const told: unknown[] = [];
  clone.on("advanced", (event) => told.push(event));
  const next = history.source(1);
  await clone.advance(next);
  const keptBytes = 8 * REGION;
  assert.equal(told, [{ from: "0", to: "1", keptBytes, reason: undefined }]);
  assert.is(clone.size, CHANGE.size);
  assert.equal(await clone.read(0, clone.size), history.versions[1]);
  await clone.hydrated();
  assert.equal(destination.bytes, history.versions[1]);
  // Regions 2 and 3, which were edited, and 10 on: what was short before, and what is new.
  assert.is(next.servedBytes, 2 * REGION + 3 * REGION + 100);
});

test("an unfinished copy advances, and what was under way begins again", async () => {
  const history = twoVersions({ ...CHANGE, size: 5 * REGION });
  const turns: (() => void)[] = [];
  const source = history.source(0, () => new Promise<void>((resolve) => turns.push(resolve)));
  const destination = new MemoryDevice(FIRST.length);
  await using clone = await open(history, { source, destination });
  const read = clone.read(REGION, 2 * REGION);
  const whole = clone.hydrated();
  const named = clone.hydrate({ ranges: [{ offset: 0, length: 5 }] });
  while (turns.length === 0) await new Promise((done) => setImmediate(done));
  await clone.advance(history.source(1));
  assert.equal(await read, history.versions[1]?.slice(REGION, 3 * REGION));
  await Promise.all([whole, named]);
  assert.equal(destination.bytes, history.versions[1]);
});

test("a copy that a user wrote to stays what it is", async () => {
  const history = twoVersions(CHANGE);
  await using clone = await open(history);
  await clone.write(0, new Uint8Array(10));
  const error = await failure(clone.advance(history.source(1)));
  assert.is(error.code, "SOURCE_CHANGED");
  assert.match(error.message, "holds what was written to it");
  assert.is((await clone.read(0, 1))[0], 0);
  await clone.hydrated();
});

test("a source that cannot say what has changed keeps nothing", async () => {
  const history = twoVersions(CHANGE);
  await using clone = await open(history);
  await clone.hydrated();
  const next = new ScriptedSource(history.versions[1] ?? FIRST, { identity: "1" });
  await clone.advance(next);
  await clone.hydrated();
  assert.is(next.servedBytes, CHANGE.size);
});

test("opening with a later version advances what is found", async () => {
  const history = twoVersions(CHANGE);
  const [destination, mapStore] = [new MemoryDevice(FIRST.length), new MemoryMapStore()];
  const first = await open(history, { destination, mapStore });
  await first.hydrated();
  await first.close();
  const source = history.source(1);
  await using clone = await open(history, { destination, mapStore, source });
  await clone.hydrated();
  assert.equal(destination.bytes, history.versions[1]);
  assert.is(source.servedBytes, 5 * REGION + 100);
});

test("no slot of the map is of the former version when the first byte of the new one is written", async () => {
  const mapStore = new MemoryMapStore();
  const identities: unknown[] = [];
  let isWatched = false;
  class Watched extends MemoryDevice {
    override async write(offset: number, pieces: readonly Uint8Array[]): Promise<void> {
      const slots = isWatched ? await readSlots(await mapStore.load()) : [];
      for (const slot of slots) identities.push(slot.state === "map" && slot.map.identity);
      await super.write(offset, pieces);
    }
  }
  const history = twoVersions(CHANGE);
  const destination = new Watched(FIRST.length);
  await using clone = await open(history, { destination, mapStore });
  await clone.hydrated();
  isWatched = true;
  await clone.advance(history.source(1));
  await clone.hydrated();
  assert.equal([...new Set(identities)], ["1"]);
});

test("the device a finished copy lies in is asked for another place first, and once", async () => {
  const calls: string[] = [];
  class Named extends MemoryDevice {
    async finish(): Promise<void> {
      calls.push("finish");
    }
    async unfinish(): Promise<() => Promise<void>> {
      calls.push("unfinish");
      return async () => {
        calls.push("put in place");
      };
    }
    override async write(offset: number, pieces: readonly Uint8Array[]): Promise<void> {
      if (calls.length > 0 && calls.at(-1) !== "write") calls.push("write");
      await super.write(offset, pieces);
    }
  }
  const history = twoVersions(CHANGE);
  await using clone = await open(history, { destination: new Named(FIRST.length) });
  await clone.hydrated();
  await clone.advance(history.source(1));
  await clone.hydrated();
  assert.equal(calls, ["finish", "unfinish", "put in place", "write", "finish"]);
});

test("a crash at any step of an advance loses nothing and mixes nothing", () =>
  survivesCrashes(FIRST, 150, async (history, version, pause) => history.source(version, pause)));

test.run();
