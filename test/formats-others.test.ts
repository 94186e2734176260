import { readFileSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { RecordBatchReader, tableFromIPC } from "apache-arrow";
import { fromBlob } from "strtok3";
import { suite } from "uvu";
import { blobOf } from "../adapters/blob.ts";
import { fileHandle } from "../adapters/file-handle.ts";
import { flightsFile } from "../examples/flights.ts";
import { askEverywhere } from "./formats/reading.ts";

// Libraries that take what the doors give: nothing of theirs is in the package.
const test = suite("other formats through doors");

const bytes = new Uint8Array(readFileSync(join(dirname(flightsFile()), "flights-200k.arrow")));

test("apache-arrow reads the batches of a file through a file handle", async () => {
  const table = tableFromIPC(bytes);
  const answer = { rows: table.numRows, names: table.schema.fields.map(({ name }) => name) };
  await askEverywhere({
    ...{ library: "apache-arrow", what: "all batches", file: bytes, answer },
    ask: async (blob) => {
      const handle = fileHandle(blob);
      const reader = await RecordBatchReader.from(handle as unknown as FileHandle);
      await reader.open();
      const names = reader.schema.fields.map(({ name }) => name);
      let rows = 0;
      for await (const batch of reader) rows += batch.numRows;
      return { rows, names };
    },
  });
});

test("strtok3 reads numbers and skips through a Blob", async () => {
  const answer = [...bytes.subarray(0, 6), ...bytes.subarray(1_000_000, 1_000_010)];
  await askEverywhere({
    ...{ library: "strtok3", what: "two places", file: bytes, answer },
    ask: async (blob) => {
      const tokenizer = fromBlob(blobOf(blob) as unknown as Blob);
      const first = new Uint8Array(6);
      await tokenizer.readBuffer(first);
      const second = new Uint8Array(10);
      await tokenizer.readBuffer(second, { position: 1_000_000 });
      await tokenizer.close();
      return [...first, ...second];
    },
  });
});

test.run();
