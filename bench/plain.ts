import type { Client, Dispatcher } from "undici";
import type { BlobReader } from "./files.ts";

/** One ranged GET, the plain way. Returns how many seconds it took until its bytes were there. */
export async function plainGet(
  client: Client | Dispatcher,
  blob: BlobReader,
  offset: number,
  length: number,
): Promise<number> {
  const start = performance.now();
  const { statusCode, body } = await client.request({
    method: "GET",
    path: "/blob.bin",
    headers: { range: `bytes=${offset}-${offset + length - 1}` },
  });
  const bytes = new Uint8Array(await body.arrayBuffer());
  const seconds = (performance.now() - start) / 1000;
  if (statusCode !== 206) throw new Error(`a ranged GET was answered with ${statusCode}`);
  blob.check(offset, bytes);
  return seconds;
}
