import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Three million real flights as Parquet, 13.5 MB: the npm package vega-datasets ships them. */
export function flightsFile(): string {
  const entry = fileURLToPath(import.meta.resolve("vega-datasets"));
  return join(dirname(dirname(entry)), "data", "flights-3m.parquet");
}
