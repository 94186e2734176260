import type { CloneStatus, HydrationState } from "./status.ts";

const SECTOR_SIZE = 512;
/** The stored map is counted in blocks of this size, as the kernel's metadata is. */
const BLOCK_SIZE = 4096;

/** What the hydrator does of itself only after somebody asked for it. */
const RESTING: readonly HydrationState[] = ["off", "paused", "stalled"];

/**
 * The status in one line, field by field as `dmsetup status` prints it for a clone target:
 *
 * ```
 * 0 <length> clone <block size> <used blocks>/<total blocks> <region size>
 *   <hydrated>/<total regions> <hydrating> <#features> <features>
 *   4 hydration_threshold <regions> hydration_batch_size <regions> <mode>
 * ```
 *
 * Length, block size and region size are in sectors of 512 bytes, the length rounded up. The blocks
 * are those of a slot of the stored map. The features are `no_hydration`, where nothing is hydrated
 * until somebody asks, and `no_discard_passdown`. The mode is `rw` or `ro`; a clone that has failed
 * says `Fail` and nothing else behind `clone`.
 */
export function statusLine(status: CloneStatus): string {
  const head = `0 ${Math.ceil(status.size / SECTOR_SIZE)} clone`;
  if (status.mode === "failed") return `${head} Fail`;
  const features = [
    ...(RESTING.includes(status.hydration) ? ["no_hydration"] : []),
    ...(status.noDiscardPassdown ? ["no_discard_passdown"] : []),
  ];
  return [
    head,
    BLOCK_SIZE / SECTOR_SIZE,
    `${blocks(status.mapUsed)}/${blocks(status.mapSize)}`,
    status.regionSize / SECTOR_SIZE,
    `${status.hydratedCount}/${status.regionCount}`,
    status.hydratingCount,
    features.length,
    ...features,
    `4 hydration_threshold ${status.hydrationThreshold}`,
    `hydration_batch_size ${status.hydrationBatchSize}`,
    status.mode === "read-only" ? "ro" : "rw",
  ].join(" ");
}

function blocks(bytes: number): number {
  return Math.ceil(bytes / BLOCK_SIZE);
}
