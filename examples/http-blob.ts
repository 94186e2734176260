// Use a remote file at once, and have it as a local file in the end.
//
//   node dist/examples/http-blob.js URL FILE
import { hydrate } from "headwater";

const [url = "", file = ""] = process.argv.slice(2);

await using blob = await hydrate(url, file);
console.log(`${blob.size} bytes; the first are ${Buffer.from(await blob.read(0, 4))}`);

for await (const { percent, requests } of blob.progress()) {
  console.log(`${percent.toFixed(1)} % here, ${requests} requests`);
}
await blob.hydrated();
console.log(`${file} is an ordinary file now`);
