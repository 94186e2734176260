// An HTTP API that answers from a database while it is still arriving. `places.js` makes one.
//
//   node dist/examples/api-server.js URL FILE
//   curl 'http://127.0.0.1:.../places?city=Springfield'
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { openDatabase } from "headwater/sqlite";

const [url = "", file = ""] = process.argv.slice(2);

await using db = await openDatabase(url, file);
const inCity = db.prepare("select zip, county, state from place where city = ? order by zip");

async function answer(path: URL, signal: AbortSignal): Promise<unknown> {
  if (path.pathname === "/places") return inCity.all([path.searchParams.get("city")], { signal });
  const { size, hydratedBytes } = db.clone?.status() ?? {};
  return { size, hydratedBytes, localPath: db.localPath ?? null };
}

const server = createServer((request, response) => {
  const gone = new AbortController(); // a query that nobody waits for any more is ended
  response.once("close", () => gone.abort());
  response.setHeader("content-type", "application/json");
  answer(new URL(request.url ?? "/", "http://localhost"), gone.signal).then(
    (value) => response.end(JSON.stringify(value)),
    (error: Error) => response.writeHead(502).end(JSON.stringify({ error: error.message })),
  );
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/places?city=Springfield`);

await once(process, "SIGTERM");
server.close();
