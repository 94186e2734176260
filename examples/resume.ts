// Fetch a file over several runs: whatever ends one, the next goes on from there.
//
//   node dist/examples/resume.js URL FILE
import { hydrate } from "headwater";

const [url = "", file = ""] = process.argv.slice(2);

await using blob = await hydrate(url, file);
console.log(`found ${blob.status().hydratedBytes} bytes of ${blob.size}`);

for await (const { hydratedBytes } of blob.progress({ intervalMs: 50 })) {
  // The map is saved every second; from here on this much survives even a kill -9.
  await blob.flush();
  console.log(`safe ${hydratedBytes}`);
}
await blob.hydrated();
console.log(`whole after ${blob.stats().bytesFetched} bytes in this run`);
