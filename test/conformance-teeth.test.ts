// The suites are worth what they catch: each device here breaks one promise, and one test of the
// suite must say so.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryMapStore } from "../adapters/memory.ts";
import {
  destinationConformance,
  mapStoreConformance,
  patternBytes,
  type Register,
  sourceConformance,
} from "../adapters/testing/index.ts";
import type { MapSlot, ReadOptions } from "../lib/index.ts";
import { SoundDevice } from "./devices/sound-device.ts";

const test = suite("conformance suites have teeth");

/** Runs a suite and returns the names of the tests that failed. */
async function failuresOf(conformance: (register: Register) => void): Promise<string[]> {
  const tests: { name: string; run: () => Promise<void> }[] = [];
  conformance((name, run) => tests.push({ name, run }));
  assert.ok(tests.length > 0);
  const failed: string[] = [];
  for (const { name, run } of tests) {
    await run().catch(() => failed.push(name));
  }
  return failed;
}

const brokenSources: Record<
  string,
  { catches: string; Device: new (bytes: Uint8Array) => SoundDevice }
> = {
  "gives fewer bytes at the end": {
    catches: "never gives fewer bytes: a read past the end rejects",
    Device: class extends SoundDevice {
      override read(offset: number, length: number, options?: ReadOptions): Promise<Uint8Array> {
        return super.read(offset, Math.min(length, this.size - offset), options);
      }
    },
  },
  "gives views of its own bytes": {
    catches: "gives each read an ArrayBuffer of its own, of its own length",
    Device: class extends SoundDevice {
      override async read(
        offset: number,
        length: number,
        options?: ReadOptions,
      ): Promise<Uint8Array> {
        await super.read(offset, length, options);
        return this.bytes.subarray(offset, offset + length);
      }
    },
  },
  "is off by one far from the start": {
    catches: "reads exactly the bytes asked for",
    Device: class extends SoundDevice {
      override read(offset: number, length: number, options?: ReadOptions): Promise<Uint8Array> {
        const wrong = offset > 30_000 && offset + length < this.size ? 1 : 0;
        return super.read(offset + wrong, length, options);
      }
    },
  },
  "keeps one buffer for every read": {
    catches: "reads overlap in time and in place",
    Device: class extends SoundDevice {
      readonly #buffer = new Uint8Array(200_000);
      override async read(
        offset: number,
        length: number,
        options?: ReadOptions,
      ): Promise<Uint8Array> {
        this.#buffer.set(await super.read(offset, length, options));
        await new Promise(setImmediate);
        return this.#buffer.slice(0, length);
      }
    },
  },
  "ignores the signal": {
    catches: "an aborted call rejects with the signal's reason",
    Device: class extends SoundDevice {
      override read(offset: number, length: number): Promise<Uint8Array> {
        return super.read(offset, length);
      }
    },
  },
  "ends all calls when one is aborted": {
    catches: "an abort ends its own call and no other",
    Device: class extends SoundDevice {
      readonly #reasons: unknown[] = [];
      override async read(
        offset: number,
        length: number,
        options?: ReadOptions,
      ): Promise<Uint8Array> {
        const { signal } = options ?? {};
        signal?.addEventListener("abort", () => this.#reasons.push(signal.reason));
        await new Promise((resolve) => setTimeout(resolve, 10));
        const [reason] = this.#reasons;
        if (reason !== undefined) throw reason;
        return super.read(offset, length, options);
      }
    },
  },
  "streams one piece again and again": {
    catches: "a piece belongs to its receiver",
    Device: class extends SoundDevice {
      override async *stream(offset: number, length: number): AsyncGenerator<Uint8Array> {
        const buffer = new Uint8Array(1000);
        for (let at = offset; at < offset + length; at += 1000) {
          const size = Math.min(1000, offset + length - at);
          buffer.set(await this.read(at, size));
          yield buffer.subarray(0, size);
        }
      }
    },
  },
  "uses a piece again of which a part was kept": {
    catches: "what is given back is used again at most, what is kept never",
    Device: class extends SoundDevice {
      readonly #spare: ArrayBufferLike[] = [];
      override async *stream(offset: number, length: number): AsyncGenerator<Uint8Array> {
        for (let at = offset; at < offset + length; at += 1000) {
          const size = Math.min(1000, offset + length - at);
          const piece = new Uint8Array(this.#spare.pop() ?? new ArrayBuffer(1000), 0, size);
          piece.set(await this.read(at, size));
          yield piece;
        }
      }
      release(pieces: readonly Uint8Array[]): void {
        for (const { buffer } of pieces) if (buffer.byteLength === 1000) this.#spare.push(buffer);
      }
    },
  },
  "leaves a gap in its stream": {
    catches: "streams what it reads, in order and without a gap",
    Device: class extends SoundDevice {
      override async *stream(offset: number, length: number): AsyncGenerator<Uint8Array> {
        yield await this.read(offset, length > 5000 ? length - 1 : length);
      }
    },
  },
  "works on after close": {
    catches: "a read after close rejects with CLOSED",
    Device: class extends SoundDevice {
      override async close(): Promise<void> {}
    },
  },
};

for (const [what, { catches, Device }] of Object.entries(brokenSources)) {
  test(`a source that ${what} is caught`, async () => {
    const failed = await failuresOf((register) =>
      sourceConformance(register, {
        open: async (size) => {
          const bytes = patternBytes(size);
          return { bytes, device: new Device(bytes.slice()) };
        },
      }),
    );
    assert.ok(failed.includes(catches), `failed: ${failed.join("; ")}`);
  });
}

const brokenDestinations: Record<
  string,
  { catches: string; Device: new (size: number) => SoundDevice }
> = {
  "forgets all pieces but the first thousand": {
    catches: "writes many pieces, empty ones among them, one after another",
    Device: class extends SoundDevice {
      override write(offset: number, pieces: readonly Uint8Array[]): Promise<void> {
        return super.write(offset, pieces.slice(0, 1024));
      }
    },
  },
  "fills a target only half": {
    catches: "a read past the end rejects: a target is never half filled",
    Device: class extends SoundDevice {
      override readInto(offset: number, target: Uint8Array): Promise<void> {
        return super.readInto(offset, target.subarray(0, this.size - offset));
      }
    },
  },
  "writes into the buffer around a target": {
    catches: "fills a target to the last byte and touches nothing beside it",
    Device: class extends SoundDevice {
      override async readInto(offset: number, target: Uint8Array): Promise<void> {
        await super.readInto(offset, target);
        new Uint8Array(target.buffer)[target.byteOffset - 1] = 0;
      }
    },
  },
  "reads at once from elsewhere": {
    catches: "what is read at once is what is read otherwise",
    Device: class extends SoundDevice {
      override readIntoSync(offset: number, target: Uint8Array): boolean {
        return super.readIntoSync(Math.floor(offset / 4096) * 4096, target);
      }
    },
  },
  "discards whole sectors": {
    catches: "a discarded range reads as zeros, its neighbours as they were",
    Device: class extends SoundDevice {
      override discard(offset: number, length: number): Promise<void> {
        const start = Math.floor(offset / 512) * 512;
        const end = Math.min(this.size, Math.ceil((offset + length) / 512) * 512);
        return super.discard(start, end - start);
      }
    },
  },
  "keeps what it shrank by": {
    catches: "what it shrank by is gone when it grows again",
    Device: class extends SoundDevice {
      #gone: Uint8Array = new Uint8Array();
      override async resize(size: number): Promise<void> {
        const kept = this.bytes.slice();
        await super.resize(size);
        if (kept.length > size) this.#gone = kept;
        else this.bytes.set(this.#gone.subarray(kept.length, size), kept.length);
      }
    },
  },
  "closes under a write": {
    catches: "close waits for what is under way",
    Device: class extends SoundDevice {
      override async write(offset: number, pieces: readonly Uint8Array[]): Promise<void> {
        await new Promise(setImmediate);
        await super.write(offset, pieces);
      }
      override async close(): Promise<void> {
        this.underWay.clear();
        await super.close();
      }
    },
  },
  "works on after close": {
    catches: "a call after close rejects with CLOSED",
    Device: class extends SoundDevice {
      override async close(): Promise<void> {}
    },
  },
};

for (const [what, { catches, Device }] of Object.entries(brokenDestinations)) {
  test(`a destination that ${what} is caught`, async () => {
    const open = async (size: number) => ({ device: new Device(size) });
    const failed = await failuresOf((register) => destinationConformance(register, { open }));
    assert.ok(failed.includes(catches), `failed: ${failed.join("; ")}`);
  });
}

const brokenStores: Record<string, { catches: string; Store: new () => MemoryMapStore }> = {
  "has one slot": {
    catches: "keeps what was saved in each slot, whatever follows it",
    Store: class extends MemoryMapStore {
      override async save(_: MapSlot, bytes: Uint8Array): Promise<void> {
        await super.save(0, bytes);
        await super.save(1, bytes);
      }
    },
  },
  "keeps hold of what it loaded": {
    catches: "saves a part of a larger buffer, and keeps no hold of it",
    Store: class extends MemoryMapStore {
      readonly #kept: [Uint8Array, Uint8Array] = [new Uint8Array(), new Uint8Array()];
      override async save(slot: MapSlot, bytes: Uint8Array): Promise<void> {
        this.#kept[slot] = bytes;
      }
      override async load(): Promise<readonly [Uint8Array, Uint8Array]> {
        return this.#kept;
      }
    },
  },
};

for (const [what, { catches, Store }] of Object.entries(brokenStores)) {
  test(`a map store that ${what} is caught`, async () => {
    const open = async () => ({ store: new Store() });
    const failed = await failuresOf((register) => mapStoreConformance(register, { open }));
    assert.ok(failed.includes(catches), `failed: ${failed.join("; ")}`);
  });
}

test("a sound device passes", async () => {
  const source = await failuresOf((register) =>
    sourceConformance(register, {
      open: async (size) => {
        const bytes = patternBytes(size);
        return { bytes, device: new SoundDevice(bytes.slice()) };
      },
    }),
  );
  const destination = await failuresOf((register) =>
    destinationConformance(register, { open: async (size) => ({ device: new SoundDevice(size) }) }),
  );
  assert.equal([...source, ...destination], []);
});

test.run();
