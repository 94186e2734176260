// The process of the demo that uses Headwater, and that is killed in the middle. It tells its
// parent how far it is.
//
//   node demo-reader.js URL FILE ask|resume
import { hydrate } from "headwater";
import { ask } from "./question.ts";

export type ReaderMessage =
  | { readonly event: "opened"; readonly ms: number; readonly here: number; readonly size: number }
  | {
      readonly event: "answered";
      readonly ms: number;
      readonly here: number;
      readonly answer: string;
    }
  | { readonly event: "progress"; readonly percent: number; readonly fetched: number }
  /** So much is safe from now on, whatever happens to this process. */
  | { readonly event: "flushed"; readonly here: number }
  | { readonly event: "whole"; readonly ms: number; readonly fetched: number };

const FLUSH_PERCENT = 50;

const [url = "", file = "", task = ""] = process.argv.slice(2);
const startedAt = performance.now();
const elapsed = (): number => performance.now() - startedAt;

/** Waits until it is sent: what is killed a moment later must have told it. */
function tell(message: ReaderMessage): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.(message, undefined, {}, (error) => (error ? reject(error) : resolve()));
  });
}

await using blob = await hydrate(url, file);
const here = (): number => blob.status().hydratedBytes;
await tell({ event: "opened", ms: elapsed(), here: here(), size: blob.size });
if (task === "ask") {
  const answer = await ask(blob);
  await tell({ event: "answered", ms: elapsed(), here: here(), answer });
}
let isFlushed = task !== "ask";
for await (const { percent, bytesFetched } of blob.progress({ intervalMs: 50 })) {
  await tell({ event: "progress", percent, fetched: bytesFetched });
  if (isFlushed || percent < FLUSH_PERCENT) continue;
  isFlushed = true;
  const safe = here();
  await blob.flush();
  await tell({ event: "flushed", here: safe });
}
await blob.hydrated();
await tell({ event: "whole", ms: elapsed(), fetched: blob.stats().bytesFetched });
process.disconnect();
