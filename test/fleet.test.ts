import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { startNginx } from "./nginx.ts";
import { startOrigin } from "./origin/client.ts";

const test = suite("a fleet");

/** `FLEET=10 FLEET_SIZE=268435456 npm test -- fleet` is a larger blob. */
const FLEET = Number(process.env.FLEET ?? 10);
const SIZE = Number(process.env.FLEET_SIZE ?? 24 * 2 ** 20 + 12_345);
const COMMAND = fileURLToPath(new URL("../adapters/cli/main.js", import.meta.url));

/** One machine of the fleet: a process that hydrates. Resolves to what it printed on stderr. */
async function hydrateAlone(url: string, path: string): Promise<string> {
  const child = spawn(process.execPath, [COMMAND, url, path], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let output = "";
  child.stderr.on("data", (piece: Buffer) => {
    output += piece.toString();
  });
  const [code] = (await once(child, "close")) as [number];
  assert.is(code, 0, output);
  return output;
}

test(`${FLEET} processes behind nginx's slices cost their origin one blob`, async () => {
  const folder = await mkdtemp(join(tmpdir(), "headwater-fleet-"));
  await chmod(folder, 0o755);
  const origin = await startOrigin({ latencyMs: 20 });
  const remembered = `proxy_cache_path ${folder}/blobs levels=1:2 keys_zone=blobs:1m
                        max_size=10g inactive=1d use_temp_path=off;`;
  const nginx = await startNginx(
    folder,
    `location / {
       slice 1m;
       proxy_cache blobs;
       proxy_cache_key $uri$slice_range;
       proxy_set_header Range $slice_range;
       proxy_http_version 1.1;
       proxy_cache_valid 206 1d;
       proxy_cache_lock on;
       proxy_cache_lock_timeout 1m;
       proxy_cache_lock_age 1m;
       proxy_pass ${origin.url("")};
     }`,
    remembered,
  );
  try {
    if (nginx === undefined) return;
    const paths = Array.from({ length: FLEET }, (_, index) => join(folder, `copy-${index}`));
    const url = `${nginx.url}/blob?size=${SIZE}&seed=3`;
    await Promise.all(paths.map((path) => hydrateAlone(url, path)));
    for (const path of paths) {
      assert.equal(new Uint8Array(await readFile(path)), origin.bytes(3, 0, SIZE));
    }
    const { bytes, requests } = await origin.counts("/blob");
    assert.ok(bytes <= 1.05 * SIZE, `${bytes / SIZE} of the blob in ${requests} requests`);
    console.log(`the origin sent ${(bytes / SIZE).toFixed(4)} of the blob, ${requests} requests`);
  } finally {
    await nginx?.stop();
    await origin.close();
    await rm(folder, { recursive: true });
  }
});

test.run();
