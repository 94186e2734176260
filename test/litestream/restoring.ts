import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type HydrateBlobOptions, hydrate } from "../../adapters/hydrate.ts";
import { type LitestreamOptions, litestream } from "../../adapters/ltx/index.ts";

/** Works in a folder of its own, which is gone afterwards. */
export async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "headwater-litestream-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Makes a file of what a replica holds. */
export async function restore(
  url: string,
  path: string,
  options: LitestreamOptions = {},
  copying: HydrateBlobOptions = {},
): Promise<void> {
  await using clone = await hydrate(litestream(url, options), path, copying);
  await clone.hydrated();
}

/** A TXID as Litestream prints it. */
export function txidText(txid: bigint | number): string {
  return txid.toString(16).padStart(16, "0");
}
