import { setTimeout as pause } from "node:timers/promises";
import { isHeadwaterError, type SlotInspection, type SlotsInspection } from "../../lib/index.ts";
import {
  type Decision,
  decide,
  type Found,
  type FoundSlots,
  hasData,
  isFormerVersion,
  lookCloser,
} from "./found.ts";
import { type LockState, lookAtLock } from "./lock.ts";
import { readMapFile } from "./map-file.ts";
import { type CopyNames, namesOf } from "./names.ts";

/**
 * `sound`: everything is as it should be. `recoverable`: one slot is of no use, and opening goes on
 * from the other one. `untrusted`: the map cannot be believed, or not beside these files.
 */
export type MapVerdict = "sound" | "recoverable" | "untrusted";

/** One thing that was found, in words. A `note` takes nothing from a sound map. */
export interface MapFinding {
  readonly weight: "note" | "recoverable" | "untrusted";
  readonly message: string;
}

/** What is to be said of a map and of the files that it is for. */
export interface MapInspection {
  readonly names: CopyNames;
  /** The worst of the findings. */
  readonly verdict: MapVerdict;
  readonly findings: readonly MapFinding[];
  /** Undefined where the map is missing, or is not a file of two slots. */
  readonly slots: SlotsInspection | undefined;
  /** Undefined where no process has, or had, the copy open. */
  readonly lock: LockState | undefined;
}

/** While a process saves, a slot may be seen half written: then it is looked at again. */
const LOOKS = 5;
const LOOK_AGAIN_MS = 50;

/**
 * Looks at the map of the copy at `path`, without taking its lock and without changing anything,
 * also while a process works with the copy. Permission to read is enough.
 *
 * @throws {HeadwaterError} `EXISTS` when one of the names of the copy is not a regular file;
 *   `DESTINATION_FAILED` when something cannot be read.
 */
export async function inspectMap(path: string): Promise<MapInspection> {
  const names = await namesOf(path);
  return steadily(
    names,
    async (lock) => assess(await lookCloser(names), lock),
    ({ verdict, slots }) => verdict === "sound" && isWhole(slots),
  );
}

/**
 * Reads the map of the copy at `path` and nothing else, in the same way. Undefined where there is
 * none.
 *
 * @throws {HeadwaterError} `MAP_CORRUPT` when it is not a file of two slots.
 */
export async function readMap(path: string): Promise<SlotsInspection | undefined> {
  const names = await namesOf(path);
  return steadily(names, () => readMapFile(names.map), isWhole);
}

/** Looks again where what is seen may only be that a process works with the copy. */
async function steadily<Seen>(
  names: CopyNames,
  look: (lock: LockState | undefined) => Promise<Seen>,
  isSteady: (seen: Seen) => boolean,
): Promise<Seen> {
  for (let count = 1; ; count += 1) {
    // The lock first: a process that has ended since left everything at rest.
    const lock = await lookAtLock(names.lock);
    const seen = await look(lock);
    if (isSteady(seen) || !isOpen(lock) || count === LOOKS) return seen;
    await pause(LOOK_AGAIN_MS);
  }
}

/** @param lock of another process, if any. */
export function assess(foundSlots: FoundSlots, lock: LockState | undefined): MapInspection {
  const { found, slots } = foundSlots;
  const { names } = found;
  const findings = [
    ...lockFindings(names, lock),
    ...slotFindings(slots, lock),
    ...(found.map === undefined ? mapFindings(foundSlots, lock) : fileFindings(found)),
  ];
  const has = (weight: MapFinding["weight"]): boolean =>
    findings.some((finding) => finding.weight === weight);
  const verdict = has("untrusted") ? "untrusted" : has("recoverable") ? "recoverable" : "sound";
  return { names, verdict, findings, slots, lock };
}

/**
 * What opening the copy would do, whatever stands under its final name.
 *
 * @throws {HeadwaterError} `DIVERGED` or `MAP_CORRUPT`, as `LocalCopy.open` does.
 */
export function decisionOf(found: Found): Decision {
  try {
    return decide(found, { overwrite: false, discardLocal: false });
  } catch (error) {
    if (!isHeadwaterError(error, "EXISTS")) throw error;
    return decide(found, { overwrite: true, discardLocal: false });
  }
}

function isWhole(slots: SlotsInspection | undefined): boolean {
  return slots?.slots.every(({ state }) => state !== "torn") ?? true;
}

/** Whether a process may be at work. */
function isOpen(lock: LockState | undefined): boolean {
  return lock !== undefined && !lock.isDead;
}

function processOf({ holder }: LockState): string {
  if (holder === undefined) return "a process";
  return `process ${holder.pid} on host ${holder.host}`;
}

function lockFindings(names: CopyNames, lock: LockState | undefined): MapFinding[] {
  if (lock === undefined) return [];
  const message = lock.isDead
    ? `${names.lock} is of ${processOf(lock)}, which runs no more: the next one takes it over`
    : `${processOf(lock)} has the copy open`;
  return [{ weight: "note", message }];
}

function slotFindings(
  slots: SlotsInspection | undefined,
  lock: LockState | undefined,
): MapFinding[] {
  const findings: MapFinding[] = [];
  for (const { slot, state, problem } of slots?.slots ?? []) {
    if (problem === undefined) continue;
    if (slots?.believed === undefined) {
      findings.push({ weight: "untrusted", message: `slot ${slot}: ${problem}` });
    } else if (state === "torn" && lock !== undefined && isOpen(lock)) {
      const message = `slot ${slot} is being saved by ${processOf(lock)}`;
      findings.push({ weight: "note", message });
    } else {
      const message = `slot ${slot} is of no use: ${problem}; slot ${slots.believed} is believed`;
      findings.push({ weight: "recoverable", message });
    }
  }
  return findings;
}

/** What is to be said where no map is believed. */
function mapFindings({ found, slots }: FoundSlots, lock: LockState | undefined): MapFinding[] {
  const { names, partial, file, noMap } = found;
  const data = hasData(partial) ? partial : undefined;
  if (slots === undefined && data === undefined && isOpen(lock)) {
    return [{ weight: "note", message: `${names.map} is being made` }];
  }
  const isNew = slots !== undefined && slots.unusable === undefined;
  if (isNew && data === undefined) {
    const message = `nothing was saved in ${names.map} yet: the copy will be begun`;
    return [{ weight: "note", message }];
  }
  const findings: MapFinding[] = [
    {
      weight: "untrusted",
      message: isNew ? `nothing was saved in ${names.map}` : `${names.map}: ${noMap}`,
    },
  ];
  const message =
    data !== undefined
      ? `${names.partial} holds data, and nothing says what of it is right`
      : file === undefined
        ? "nothing depends on it: the copy will be begun anew"
        : `${names.file} does not depend on it`;
  findings.push({ weight: "note", message });
  return findings;
}

/** Whether the map fits the files that lie beside it. */
function fileFindings(found: Found): MapFinding[] {
  const { names, file, partial, map, hydratedBytes } = found;
  const untrusted = (message: string): MapFinding[] => [{ weight: "untrusted", message }];
  const note = (message: string): MapFinding[] => [{ weight: "note", message }];
  const size = map?.size ?? 0;
  if (map?.advancing) {
    const message = `the copy becomes one of ${map.identity}: the next opening goes on with that`;
    return note(message);
  }
  const inTheWay =
    file !== undefined && !map?.complete && !isFormerVersion(found)
      ? note(`${names.file} is not known as this copy, and has its final name`)
      : [];
  try {
    switch (decisionOf(found)) {
      case "finished":
        if (file?.size === BigInt(size)) return [];
        return untrusted(`${names.file} has ${file?.size} bytes, and the map says ${size}`);
      case "finish":
        return note(`${names.partial} is whole: the next opening gives it its final name`);
      case "partial":
        if (hydratedBytes === 0 || hasData(partial)) return inTheWay;
        return [
          ...inTheWay,
          ...note(
            `${names.partial} takes no space, and the map says that ${hydratedBytes} bytes of it ` +
              "are here: all of them are zeros, or the file is another one",
          ),
        ];
      case "new": {
        const what = partial === undefined ? "is missing" : "is empty";
        const here = `the map says that ${hydratedBytes} bytes are here`;
        return untrusted(`${names.partial} ${what}, and ${here}: the copy will be begun anew`);
      }
    }
  } catch (error) {
    if (isHeadwaterError(error, "DIVERGED")) return untrusted(error.message);
    if (!isHeadwaterError(error, "MAP_CORRUPT")) throw error;
    const sizes = `${names.partial} has ${partial?.size} bytes, and the map says ${size}`;
    return [...inTheWay, ...untrusted(sizes)];
  }
}

/** The slot that is believed, and the other one. */
export function slotsOf(
  slots: SlotsInspection | undefined,
): { believed: SlotInspection; other: SlotInspection } | undefined {
  if (slots?.believed === undefined) return undefined;
  const [even, odd] = slots.slots;
  return slots.believed === 0 ? { believed: even, other: odd } : { believed: odd, other: even };
}
