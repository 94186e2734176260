import { asyncBuffer, type Readable } from "headwater/hyparquet";
import { summarizeParquet } from "./parquet-summary.ts";

/** What is read in each place of a file of no known format, in bytes. */
const SAMPLE_SIZE = 4096;

/** A question that a small part of the file answers, and the answer in words. */
export async function ask(blob: Readable): Promise<string> {
  const end = Buffer.from(await blob.read(Math.max(0, blob.size - 4), 4));
  const summary = end.equals(Buffer.from("PAR1"))
    ? await summarizeParquet(asyncBuffer(blob))
    : undefined;
  if (summary !== undefined) {
    const { column, rowCount, average, least, most } = summary;
    const rows = rowCount.toLocaleString("en-US");
    return `${column} of the first ${rows} rows: average ${average.toFixed(2)}, ${least} to ${most}`;
  }
  const places = [0, Math.floor(blob.size / 2), Math.max(0, blob.size - SAMPLE_SIZE)];
  const samples = await Promise.all(places.map((offset) => blob.read(offset, SAMPLE_SIZE)));
  const shown = samples.map((bytes) => Buffer.from(bytes.subarray(0, 8)).toString("hex"));
  return `head ${shown[0]}, middle ${shown[1]}, tail ${shown[2]} (the first 8 bytes of each)`;
}
