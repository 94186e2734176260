import type { OnReadOpts } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type HttpOptions, http } from "../adapters/http/index.ts";
import { ReceiveMemory } from "../adapters/http/receive-memory.ts";
import { MemoryDevice, MemoryMapStore } from "../adapters/memory.ts";
import { assertBytes, patternBytes } from "../adapters/testing/index.ts";
import { Clone } from "../lib/index.ts";
import { Authority } from "./origin/certificates.ts";
import { type OriginClient, startOrigin } from "./origin/client.ts";

const test = suite("memory that HTTP receives into");

const KIB = 2 ** 10;
const SIZE = 8 * KIB * KIB;
const authority = new Authority("authority of the test");
const [plain, secure] = await Promise.all([
  startOrigin(),
  startOrigin({ tls: authority.issue("server") }),
]);

test.after(async () => {
  await Promise.all([plain.close(), secure.close()]);
});

/** Reads as a socket does, which asks for the next room as soon as it has delivered. */
class Reads {
  /** Where the next read goes to. */
  room: Uint8Array;
  readonly #options: OnReadOpts;
  #delivered: Uint8Array = new Uint8Array(0);

  constructor(memory: ReceiveMemory) {
    this.#options = memory.receiver((bytes) => {
      this.#delivered = bytes;
      return true;
    });
    this.room = this.#nextRoom();
  }

  read(bytes: Uint8Array): Uint8Array {
    this.room.set(bytes);
    this.#options.callback(bytes.length, this.room);
    this.room = this.#nextRoom();
    return this.#delivered;
  }

  #nextRoom(): Uint8Array {
    const { buffer } = this.#options;
    return typeof buffer === "function" ? buffer() : buffer;
  }
}

test("a block is used again when all that it received was given back, in whatever parts", () => {
  const memory = new ReceiveMemory();
  const reads = new Reads(memory);
  const first = reads.read(patternBytes(160 * KIB));
  const second = reads.read(patternBytes(40 * KIB, 2));
  assertBytes(first, patternBytes(160 * KIB), "the first read");
  assertBytes(second, patternBytes(40 * KIB, 2), "the second read");
  assert.is(first.buffer, second.buffer, "a read goes where the last one left room");

  memory.takeBack([second.subarray(5), first.subarray(0, 7)]);
  memory.takeBack([first.subarray(7), second.subarray(0, 5)]);
  assert.is.not(reads.room.buffer, first.buffer, "this was taken before");
  assert.is(new Reads(memory).room.buffer, first.buffer);
});

test("a block of which a byte is kept is not written again", () => {
  const memory = new ReceiveMemory();
  const reads = new Reads(memory);
  const kept = reads.read(patternBytes(64 * KIB, 3));
  memory.takeBack([kept.subarray(1)]);
  for (let read = 0; read < 200; read += 1) {
    memory.takeBack([reads.read(patternBytes(64 * KIB, read))]);
  }
  assertBytes(kept, patternBytes(64 * KIB, 3), "what was kept");
});

test("a block that still receives is not given to another socket", () => {
  const memory = new ReceiveMemory();
  const reads = new Reads(memory);
  memory.takeBack([reads.read(patternBytes(40 * KIB))]);
  assert.is.not(new Reads(memory).room.buffer, reads.room.buffer);
});

test("what others own is ignored, and what is given back twice is our mistake", () => {
  const memory = new ReceiveMemory();
  memory.takeBack([new Uint8Array(5), new Uint8Array(0)]);
  const piece = new Reads(memory).read(patternBytes(64 * KIB));
  memory.takeBack([piece]);
  assert.throws(() => memory.takeBack([piece]), "given back twice");
});

const ways: [string, OriginClient, HttpOptions][] = [
  ["HTTP", plain, {}],
  ["HTTPS", secure, { tls: { ca: authority.ca } }],
];
for (const [name, origin, options] of ways) {
  test(`a stream over ${name} that gives back its pieces needs little memory`, async () => {
    await using source = await http(origin.url(`/stream?size=${SIZE}&seed=7`), options).open();
    const blocks = new Set<ArrayBufferLike>();
    let at = 0;
    for await (const piece of source.stream?.(0, SIZE, { class: "background" }) ?? []) {
      blocks.add(piece.buffer);
      assertBytes(piece, origin.bytes(7, at, piece.length), `a piece at ${at}`);
      at += piece.length;
      source.release?.([piece]);
    }
    assert.is(at, SIZE);
    // The queue of a response and what the socket holds, instead of the whole.
    assert.ok(blocks.size < 8, `${blocks.size} blocks of 256 KiB`);
  });

  test(`a copy over ${name} is whole, though its destination is slow`, async () => {
    const pause = (): Promise<unknown> => new Promise(setImmediate);
    await using destination = new MemoryDevice(SIZE, { pause });
    await using clone = await Clone.open({
      source: await http(origin.url(`/copy?size=${SIZE}&seed=7`), options).open(),
      destination,
      mapStore: new MemoryMapStore(),
    });
    const reads = Array.from({ length: 50 }, async (_, index) => {
      const offset = (index * 7_777_777) % (SIZE - 5000);
      assertBytes(await clone.read(offset, 5000), origin.bytes(7, offset, 5000), `at ${offset}`);
    });
    await Promise.all([...reads, clone.hydrated()]);
    assertBytes(destination.bytes, origin.bytes(7, 0, SIZE), "the copy");
  });
}

test.run();
