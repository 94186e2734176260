import { setTimeout as sleep } from "node:timers/promises";
import { MemoryDevice } from "../../adapters/memory.ts";
import {
  Clone,
  type CloneBehavior,
  HeadwaterError,
  type HeadwaterErrorCode,
  isHeadwaterError,
  type SourceDevice,
  type SourceOpener,
} from "../../lib/index.ts";
import type { FaultProxyClient, FaultyDoor } from "../fault-proxy/client.ts";
import type { Fault } from "../fault-proxy/fault.ts";
import { Random } from "../simulation/random.ts";
import type { Patience, SourceKind } from "./source-kinds.ts";

/** Where a fault is met. */
export type Place = "opening" | "demand" | "background";

export interface Cell {
  readonly kind: SourceKind;
  readonly fault: Fault;
  readonly place: Place;
  /** Whether every answer after the opening meets it, or one only. */
  readonly isLasting: boolean;
  readonly seed: number;
}

/**
 * How a wait ended: with the right bytes, with the code of an error, or with wrong bytes because
 * nothing in an answer could show that they are.
 */
export type Outcome = "right" | "unnoticed" | HeadwaterErrorCode;

/** Of the blob. */
export const SIZE: number = 3 * 2 ** 18;

/** Nothing takes as long as this: whatever does hangs. */
const HANG_MS = 60_000;

const SHORT: Patience = { headersTimeoutMs: 1000, stallTimeoutMs: 1000 };
const LONG: Patience = { headersTimeoutMs: 5000, stallTimeoutMs: 5000 };

const BEHAVIOR: CloneBehavior = {
  retries: { demand: 2, backoffMs: 40, stallAfter: 3 },
  stallTimeoutMs: 10_000,
};

/** @returns every way in which something that waited has ended. */
export async function runCell(proxy: FaultProxyClient, cell: Cell): Promise<ReadonlySet<Outcome>> {
  const { kind, fault, place, isLasting, seed } = cell;
  await using door = await proxy.open({
    upstream: kind.upstream,
    fault: fault.name,
    skip: place === "opening" ? 0 : 1,
    ...(isLasting ? {} : { times: 1 }),
    seed,
  });
  const opener = kind.opener(door.origin, fault.isSilent ? SHORT : LONG);
  const open = fault.isSilent ? () => openLater(kind, door, opener) : () => opener.open();
  const outcomes = new Set<Outcome>();
  await withoutHang(cell, async () => {
    if (place === "opening") {
      outcomes.add(await outcomeOf(openOnly(opener)));
    } else {
      await runClone(await open(), cell, outcomes);
    }
    await checkMet(door, cell);
  });
  return outcomes;
}

/** Opened well by a patient source, so that a server that is merely busy is no fault. */
async function openLater(
  kind: SourceKind,
  door: FaultyDoor,
  opener: SourceOpener,
): Promise<SourceDevice> {
  await using first = await kind.opener(door.origin, LONG).open();
  return opener.open({ known: { size: first.size, identity: first.identity } });
}

async function openOnly(opener: SourceOpener): Promise<Outcome> {
  const source = await opener.open();
  await source.close();
  return "right";
}

async function runClone(opened: SourceDevice, cell: Cell, outcomes: Set<Outcome>): Promise<void> {
  await using source = opened;
  const destination = new MemoryDevice(SIZE);
  const noHydration = cell.place === "demand";
  await using clone = await Clone.open({ source, destination, noHydration, ...BEHAVIOR });
  const act = noHydration ? readParts : hydrateAll;
  await act(clone, cell, outcomes);
  // Whatever has failed: what is marked is right.
  for (const { offset, length, hydrated } of clone.hydratedRuns(0, SIZE)) {
    if (hydrated) checkBytes(cell, offset, destination.bytes.subarray(offset, offset + length));
  }
}

/** Two reads together and a third after them. */
async function readParts(clone: Clone, cell: Cell, outcomes: Set<Outcome>): Promise<void> {
  const random = new Random(cell.seed);
  const read = async (from: number): Promise<void> => {
    const offset = from + random.below(50_000);
    const once = (): Promise<Outcome> =>
      outcomeOf(clone.read(offset, 100_000).then((bytes) => checkBytes(cell, offset, bytes)));
    const outcome = await once();
    outcomes.add(outcome);
    // What was met once is over: whoever asks again is served.
    if (outcome !== "right" && !cell.isLasting) outcomes.add(await once());
  };
  await Promise.all([read(140_000), read(330_000)]);
  await read(550_000);
}

async function hydrateAll(clone: Clone, cell: Cell, outcomes: Set<Outcome>): Promise<void> {
  const once = (): Promise<Outcome> =>
    outcomeOf(
      clone
        .hydrated()
        .then(() => clone.read(0, SIZE))
        .then((bytes) => checkBytes(cell, 0, bytes)),
    );
  const outcome = await once();
  outcomes.add(outcome);
  if (outcome === "right" || cell.isLasting) return;
  clone.resume();
  outcomes.add(await once());
}

/** The code of a failure, or of what made hydration stall. */
async function outcomeOf(promise: Promise<Outcome>): Promise<Outcome> {
  try {
    return await promise;
  } catch (error) {
    if (!(error instanceof HeadwaterError)) throw error;
    const isStalled = error.code === "STALLED" && isHeadwaterError(error.cause);
    return isStalled ? (error.cause as HeadwaterError).code : error.code;
  }
}

/** @throws {Error} when they are wrong, though something in the answer has shown it. */
function checkBytes({ kind, fault }: Cell, offset: number, bytes: Uint8Array): Outcome {
  if (Buffer.compare(bytes, kind.bytes(offset, bytes.length)) === 0) return "right";
  if (fault.isHidden && !kind.verifies) return "unnoticed";
  throw new Error(`wrong bytes in ${bytes.length} at ${offset}`);
}

async function checkMet(door: FaultyDoor, { fault, place }: Cell): Promise<void> {
  const { met } = await door.counts();
  // On a busy machine an opening may be given up before its request is seen.
  const isSeen = !fault.isRefusal && !(fault.isSilent && place === "opening");
  if (met === 0 && isSeen) throw new Error("the fault was not met");
  // Everything is closed: the proxy sees it a little later.
  while ((await door.counts()).connections > 0) await sleep(10);
}

async function withoutHang(cell: Cell, run: () => Promise<void>): Promise<void> {
  const over = new AbortController();
  const hang = sleep(HANG_MS, undefined, { signal: over.signal }).then(() => {
    throw new Error(`it hangs: ${cell.fault.name}`);
  });
  try {
    await Promise.race([run(), hang]);
  } finally {
    over.abort();
    hang.catch(() => {});
  }
}
