import { appendFile, rename, rm, writeFile } from "node:fs/promises";
import { forge, REGION_SIZE, SIZE, SLOT_SIZE } from "./map-files.ts";
import {
  BOTH,
  cutPartial,
  EARLIER,
  flip,
  type MapState,
  RUNS,
  takeFromAnother,
} from "./map-states.ts";

/** What may have become of the files that the map is for. */
export const FILE_STATES: readonly MapState[] = [
  {
    name: "the partial file is missing",
    damage: (path) => rm(`${path}.partial`),
    verdict: "untrusted",
    says: "begun anew",
    repaired: "nothing",
  },
  {
    name: "the map is of another geometry",
    damage: takeFromAnother(),
    verdict: "untrusted",
    repaired: "MAP_CORRUPT",
    discarded: "gone",
  },
  {
    name: "the partial file was cut in the midst of a region",
    damage: cutPartial(7 * REGION_SIZE + 1),
    verdict: "untrusted",
    says: `has ${7 * REGION_SIZE + 1} bytes`,
    repaired: [0, 1, 2, 3, 6],
  },
  {
    name: "the partial file was cut between two regions",
    damage: cutPartial(8 * REGION_SIZE),
    verdict: "untrusted",
    repaired: [0, 1, 2, 3, 6, 7],
  },
  {
    name: "the partial file lacks its last byte",
    damage: cutPartial(SIZE - 1),
    verdict: "untrusted",
    repaired: BOTH.slice(0, -1),
  },
  {
    name: "the partial file was cut, and the newer slot is damaged",
    damage: async (path) => {
      await flip("newest", 94)(path);
      await cutPartial(2 * REGION_SIZE)(path);
    },
    verdict: "untrusted",
    repaired: [0, 1],
  },
  {
    name: "the partial file was cut where a user wrote",
    plan: { runs: RUNS, written: [0, 8] },
    damage: cutPartial(8 * REGION_SIZE),
    verdict: "untrusted",
    repaired: "MAP_CORRUPT",
    discarded: [0, 1, 2, 3, 6, 7],
  },
  {
    name: "the partial file was cut behind all that was written",
    plan: { runs: RUNS, written: [0] },
    damage: cutPartial(8 * REGION_SIZE),
    verdict: "untrusted",
    repaired: [0, 1, 2, 3, 6, 7],
  },
  {
    name: "the partial file was cut, and a process that wrote was killed before",
    plan: { runs: RUNS, written: [0] },
    damage: async (path) => {
      for (const slot of [0, 1]) await forge(path, slot, (map) => map.setUint32(44, 5, true));
      await cutPartial(8 * REGION_SIZE)(path);
    },
    verdict: "untrusted",
    repaired: "MAP_CORRUPT",
    discarded: [0, 1, 2, 3, 6, 7],
  },
  {
    name: "the partial file was cut where nothing was",
    plan: { runs: RUNS.slice(0, 1), written: [0] },
    damage: cutPartial(8 * REGION_SIZE),
    verdict: "untrusted",
    repaired: EARLIER,
  },
  {
    name: "the partial file has grown",
    damage: (path) => appendFile(`${path}.partial`, "x"),
    verdict: "untrusted",
    repaired: "MAP_CORRUPT",
    discarded: "gone",
  },
  {
    name: "a file of another origin has the final name",
    damage: (path) => writeFile(path, "mine"),
    verdict: "sound",
    says: "is not known as this copy",
    repaired: "nothing",
    isInTheWay: true,
  },
  {
    name: "a finished copy",
    plan: { finished: true },
    damage: async () => {},
    verdict: "sound",
    repaired: "nothing",
  },
  {
    name: "a finished copy with a damaged slot",
    plan: { finished: true },
    damage: flip("older", 94),
    verdict: "recoverable",
    repaired: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  },
  {
    name: "a finished copy without its final name",
    plan: { finished: true },
    damage: (path) => rename(path, `${path}.partial`),
    verdict: "sound",
    says: "is whole",
    repaired: "nothing",
  },
  {
    name: "a finished copy that was modified",
    plan: { finished: true },
    damage: (path) => appendFile(path, "x"),
    verdict: "untrusted",
    says: "was modified",
    repaired: "DIVERGED",
    discarded: "DIVERGED",
    isInTheWay: true,
  },
  {
    name: "a finished copy whose map cannot be believed",
    plan: { finished: true },
    damage: (path) => writeFile(`${path}.headwater`, new Uint8Array(2 * SLOT_SIZE).fill(7)),
    verdict: "untrusted",
    says: "does not depend on it",
    repaired: "EXISTS",
    discarded: "EXISTS",
    isInTheWay: true,
  },
];
