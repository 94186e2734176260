// Serves a whole local copy of a file over NBD, and says so, until it is killed.
import { FileDevice } from "../adapters/file/index.ts";
import { serveNbd } from "../adapters/nbd/index.ts";
import { Clone } from "../lib/index.ts";

const { from, to, unix } = JSON.parse(process.argv[2] ?? "") as Record<string, string>;
if (from === undefined || to === undefined || unix === undefined) throw new TypeError("what?");
const source = await FileDevice.open(from);
const destination = await FileDevice.create(to, source.size);
const clone = await Clone.open({ source, destination });
await clone.hydrated();
const server = await serveNbd(clone, { unix });
console.log(server.uri);
