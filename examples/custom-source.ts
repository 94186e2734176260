// A source of one's own: anything that can be read at an offset. Here, an endless song.
//
//   node dist/examples/custom-source.js FILE
import { hydrate, type SourceDevice } from "headwater";

const VERSE = Buffer.from("Row, row, row your boat, gently down the stream.\n");

const song: SourceDevice = {
  size: 1_000_000 * VERSE.length,
  identity: "song: row your boat, a million times", // other bytes need another identity
  async read(offset, length) {
    const start = offset % VERSE.length;
    const verses = Math.ceil((start + length) / VERSE.length);
    const sung = Buffer.alloc(verses * VERSE.length, VERSE);
    return new Uint8Array(sung.subarray(start, start + length));
  },
  async close() {},
  async [Symbol.asyncDispose]() {},
};

const [file = ""] = process.argv.slice(2);

await using blob = await hydrate(song, file);
const middle = await blob.read(500_000 * VERSE.length, VERSE.length);
console.log(`the middle verse: ${Buffer.from(middle)}`.trimEnd());
await blob.hydrated();
const { requests, amplification } = blob.stats();
console.log(`all ${blob.size} bytes in ${requests} reads, each byte ${amplification} time`);
