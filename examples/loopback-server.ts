// A file that is still arriving, for every program that reads URLs: curl, GDAL, ffmpeg, a browser.
//
//   node dist/examples/loopback-server.js URL FILE
//   curl -r 0-99 http://127.0.0.1:.../big.tif
import { once } from "node:events";
import { basename } from "node:path";
import { hydrate } from "headwater";
import { serveHttp } from "headwater/serve-http";

const [url = "", file = ""] = process.argv.slice(2);

await using clone = await hydrate(url, file);
await using server = await serveHttp({ [basename(file)]: clone }); // closed before the clone
console.log(server.url);

await once(process, "SIGTERM");
const { requests, bytesSent } = server.stats();
const { bytesFetched } = clone.stats();
console.log(`${requests} requests, ${bytesSent} bytes sent, ${bytesFetched} bytes fetched`);
