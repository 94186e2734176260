// Serves the copy of a blob over NBD, and says so, until it is killed or told to end.
import { writeSync } from "node:fs";
import { hydrate } from "../../adapters/hydrate.ts";
import { serveNbd } from "../../adapters/nbd/index.ts";
import type { Life } from "./server-life.ts";

const { url, path, unix, regionSize } = JSON.parse(process.argv[2] ?? "") as Life;
const clone = await hydrate(url, path, { regionSize });
const server = await serveNbd(clone, { unix });
writeSync(1, "serving\n");
process.once("SIGTERM", async () => {
  await server.close();
  await clone.hydrated();
  await clone.close();
  writeSync(1, "closed\n");
});
