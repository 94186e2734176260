// Verify every byte of a remote file by its manifest. An older copy is brought to it, by fetching
// only the blocks that differ.
//
//   npx headwater digest FILE -o MANIFEST     (once, where the file is right)
//   node dist/examples/verified.js URL MANIFEST FILE
import { hydrate, isHeadwaterError } from "headwater";
import { openManifest } from "headwater/manifest";

const [url = "", place = "", file = ""] = process.argv.slice(2);

await using manifest = await openManifest(place); // a path or a URL
console.log(`${manifest.size} bytes in blocks of ${manifest.blockSize}, root ${manifest.root}`);

await using blob = await hydrate(url, file, { manifest });
blob.on("advanced", ({ keptBytes }) =>
  console.log(`${keptBytes} bytes of the copy are still right`),
);
blob.on("quarantined", ({ offset, error }) => console.log(`at ${offset}: ${error.message}`));
try {
  await blob.hydrated();
  console.log(`${file} is whole and right, after ${blob.stats().bytesFetched} bytes`);
} catch (error) {
  // What is wrong is in nobody's hands: not in the file, and not in what a read returned.
  if (!isHeadwaterError(error, "STALLED")) throw error;
  console.log(`${file} cannot be had as its manifest says: ${error.message}`);
}
