import type { ReplicaFile } from "./list-files.ts";
import { planRestore } from "./restore-plan.ts";

/** What brings a database from one transaction to a later one. */
export interface AdvancePlan {
  /** To be applied one after the other. */
  readonly files: readonly ReplicaFile[];
  /**
   * Whether a snapshot is among them because the files between the two are gone. Nobody can tell
   * then which pages changed: every page of it has to be taken as changed.
   */
  readonly spansWithSnapshot: boolean;
}

/**
 * The files that bring a database from `from` to `to`: those that are smallest together, and no
 * snapshot where they reach, since that holds every page, changed or not.
 *
 * @throws {HeadwaterError} `SOURCE_NOT_FOUND` when there are none.
 */
export function planAdvance(files: readonly ReplicaFile[], from: bigint, to: bigint): AdvancePlan {
  const cheapest = cheapestChain(files, from, to);
  if (cheapest !== undefined) return { files: cheapest, spansWithSnapshot: false };
  return { files: planRestore(files, to), spansWithSnapshot: true };
}

/** A position, and how it is reached for the fewest bytes. */
interface Step {
  readonly txid: bigint;
  readonly bytes: number;
  readonly file: ReplicaFile | undefined;
  readonly before: Step | undefined;
}

function cheapestChain(
  files: readonly ReplicaFile[],
  from: bigint,
  to: bigint,
): readonly ReplicaFile[] | undefined {
  const candidates = files.filter(
    ({ minTxid, maxTxid }) => minTxid > 1n && from < maxTxid && maxTxid <= to,
  );
  candidates.sort((one, other) => (one.maxTxid < other.maxTxid ? -1 : 1));
  const steps: Step[] = [{ txid: from, bytes: 0, file: undefined, before: undefined }];
  for (const file of candidates) {
    const before = cheapestBefore(steps, file);
    if (before === undefined) continue;
    const step = { txid: file.maxTxid, bytes: before.bytes + file.size, file, before };
    const last = steps.at(-1) as Step;
    if (last.txid < step.txid) steps.push(step);
    else if (step.bytes < last.bytes) steps[steps.length - 1] = step;
  }
  let step = steps.at(-1);
  if (step?.txid !== to) return undefined;
  const chain: ReplicaFile[] = [];
  for (; step?.file !== undefined; step = step.before) chain.unshift(step.file);
  return chain;
}

/** The cheapest position that the file goes on from. */
function cheapestBefore(steps: readonly Step[], file: ReplicaFile): Step | undefined {
  let best: Step | undefined;
  for (let index = steps.length - 1; index >= 0; index -= 1) {
    const step = steps[index] as Step;
    if (step.txid >= file.maxTxid) continue;
    if (step.txid + 1n < file.minTxid) break;
    if (best === undefined || step.bytes < best.bytes) best = step;
  }
  return best;
}
