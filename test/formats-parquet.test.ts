import { readFileSync } from "node:fs";
import {
  type AsyncBuffer,
  asyncBufferFromFile,
  parquetMetadataAsync,
  parquetReadObjects,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { asyncBuffer, columnRanges, hydrateColumns } from "../adapters/hyparquet.ts";
import { flightsFile } from "../examples/flights.ts";
import { askEverywhere, openClone } from "./formats/reading.ts";

const test = suite("Parquet through a clone");

const path = flightsFile();
const bytes = new Uint8Array(readFileSync(path));
const columns = ["delay"];

async function ask(file: AsyncBuffer): Promise<unknown> {
  return await parquetReadObjects({ file, columns, rowStart: 0, rowEnd: 1000, compressors });
}

test("a column is read as from the file, and costs what hyparquet asks for", async () => {
  const cost = await askEverywhere({
    ...{ library: "hyparquet", what: "1000 rows of a column", file: bytes },
    ask: (blob) => ask(asyncBuffer(blob)),
    answer: await ask(await asyncBufferFromFile(path)),
    hydrate: async (clone) => {
      const metadata = await parquetMetadataAsync(asyncBuffer(clone));
      await hydrateColumns(clone, { metadata, columns });
    },
  });
  assert.ok(cost.fetched < bytes.length / 2);
});

test("the chunks of all columns are named, lie in the file and do not overlap", async () => {
  const metadata = await parquetMetadataAsync(await asyncBufferFromFile(path));
  const ranges = columnRanges({ metadata });
  assert.is(
    ranges.length,
    metadata.row_groups.length * (metadata.row_groups[0]?.columns.length ?? 0),
  );
  assert.is(
    ranges[0]?.name,
    `row group 0 / ${metadata.row_groups[0]?.columns[0]?.meta_data?.path_in_schema.join(".")}`,
  );
  let end = 4; // after the magic number
  for (const range of [...ranges].sort((one, other) => one.offset - other.offset)) {
    assert.ok(range.offset >= end);
    end = range.offset + range.length;
  }
  assert.ok(end < bytes.length);
});

test("row groups can be chosen, and a column that is not there is told", async () => {
  const metadata = await parquetMetadataAsync(await asyncBufferFromFile(path));
  const last = metadata.row_groups.length - 1;
  const some = columnRanges({ metadata, columns, rowGroups: { first: last, end: last + 1 } });
  assert.equal(
    some.map(({ name }) => name),
    [`row group ${last} / delay`],
  );
  const clone = await openClone(bytes);
  try {
    await hydrateColumns(clone, { metadata, columns: ["delays"] });
    assert.unreachable();
  } catch (error) {
    assert.instance(error, TypeError);
    assert.match((error as Error).message, "there are: ");
  }
  await clone.close();
});

test.run();
