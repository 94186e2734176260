// Query a remote Parquet file without waiting for all of it.
//
//   node dist/examples/parquet-query.js URL FILE
import { hydrate } from "headwater";
import { asyncBuffer } from "headwater/hyparquet";
import { summarizeParquet } from "./parquet-summary.ts";

const [url = "", file = ""] = process.argv.slice(2);

await using blob = await hydrate(url, file);
const summary = await summarizeParquet(asyncBuffer(blob));
const { hydratedBytes, size } = blob.status();
console.log(summary);
console.log(`${((100 * hydratedBytes) / size).toFixed(1)} % was here when it was answered`);
await blob.hydrated();
