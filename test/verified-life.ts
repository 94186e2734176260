// Makes a copy local, or brings it to the version of a manifest, until it is killed.
import { writeSync } from "node:fs";
import { hydrate } from "../adapters/hydrate.ts";

const [url = "", path = "", manifest = ""] = process.argv.slice(2);
writeSync(1, "began\n");
const clone = await hydrate(url, path, { manifest, bytesPerSecond: 4_000_000 });
writeSync(1, "opened\n");
await clone.hydrated();
await clone.close();
writeSync(1, "closed\n");
