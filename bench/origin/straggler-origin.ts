// An origin that is late now and then, as object stores are: a part of its answers comes after
// several times the usual time. It serves zeros.
//
//   node straggler-origin.js SIZE LATENCY_MS PART FACTOR

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { seeded } from "../measure.ts";

const [size = 0, latencyMs = 0, part = 0, factor = 1] = process.argv.slice(2).map(Number);
const random = seeded(1);
let requests = 0;

const server = createServer({ keepAliveTimeout: 0 }, async (request, response) => {
  if (request.url === "/__requests") {
    response.end(`${requests}`);
    return;
  }
  requests += 1;
  const [, first = 0, last = 0] = (/bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "") ?? []).map(
    Number,
  );
  await sleep(latencyMs * (random() < part ? factor : 1));
  response.writeHead(206, {
    etag: '"zeros"',
    "content-length": last - first + 1,
    "content-range": `bytes ${first}-${last}/${size}`,
  });
  response.end(Buffer.alloc(last - first + 1));
});
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${port}\n`);
});
// Whoever started this has gone.
process.stdin.on("end", () => process.exit()).resume();
