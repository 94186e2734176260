import { appendFile, rm, truncate, writeFile } from "node:fs/promises";
import { FileMapStore, LocalCopy } from "../adapters/file/index.ts";
import { changeMap, forge, newestSlot, REGION_SIZE, SIZE, SLOT_SIZE } from "./map-files.ts";
import {
  BOTH,
  EARLIER,
  flip,
  type MapState,
  RUNS,
  takeFromAnother,
  version,
} from "./map-states.ts";

/** The fields of a slot and a byte in each, as docs/region-map-format.md has them. */
const FIELDS: Readonly<Record<string, number>> = {
  "the length": 12,
  "the size": 24,
  "the source's size": 32,
  "the region size": 40,
  "the flags": 45,
  "the length of the identity": 48,
  "the length of the fingerprint": 52,
  "the length of the bitmap": 56,
  "the length of the written regions": 60,
  "the length of the former fingerprint": 64,
  "the identity": 72,
  "the bitmap and the checksum": 72 + 30,
};

/** What may have become of the map. */
export const SLOT_STATES: readonly MapState[] = [
  {
    name: "a sound copy",
    damage: async () => {},
    verdict: "sound",
    repaired: "nothing",
  },
  {
    name: "a sound copy that a user wrote to",
    plan: { runs: RUNS, written: [8] },
    damage: async () => {},
    verdict: "sound",
    repaired: "nothing",
  },
  {
    name: "a copy in which nothing was saved yet",
    damage: async (path) => {
      for (const name of [".headwater", ".partial"]) await rm(path + name);
      const copy = await LocalCopy.open(path);
      await copy.create({ size: SIZE, regionSize: REGION_SIZE });
      await copy.close();
    },
    verdict: "sound",
    says: "nothing was saved",
    repaired: "nothing",
  },
  {
    name: "a copy that was saved once",
    plan: {},
    damage: async () => {},
    verdict: "sound",
    repaired: "nothing",
  },
  ...Object.entries(FIELDS)
    // A slot whose geometry cannot be read may be of anything.
    .filter(([, at]) => at < 24 || at >= 44)
    .map(
      ([field, at]): MapState => ({
        name: `${field} of the newer slot is damaged`,
        damage: flip("newest", at),
        verdict: "recoverable",
        says: "is of no use",
        repaired: EARLIER,
      }),
    ),
  ...Object.entries(FIELDS)
    .filter(([, at]) => at >= 24 && at < 44)
    .map(
      ([field, at]): MapState => ({
        name: `${field} in the newer slot is damaged, so that it may be of anything`,
        damage: flip("newest", at),
        verdict: "recoverable",
        repaired: "MAP_CORRUPT",
        discarded: EARLIER,
      }),
    ),
  {
    name: "the bitmap of the older slot is damaged",
    damage: flip("older", 94),
    verdict: "recoverable",
    repaired: BOTH,
  },
  {
    name: "the older slot of a copy that a user wrote to is damaged",
    plan: { runs: RUNS, written: [8] },
    damage: flip("older", 94),
    verdict: "recoverable",
    repaired: BOTH,
  },
  {
    name: "the newer slot of a copy that a user wrote to is damaged",
    plan: { runs: RUNS, written: [4] },
    damage: flip("newest", 94),
    verdict: "recoverable",
    repaired: "MAP_CORRUPT",
    discarded: [0, 1, 2, 3, 4, 6, 7, 8, 9],
  },
  {
    name: "the slot is damaged that was the first to know of a write",
    plan: { runs: RUNS.slice(0, 1), written: [] },
    damage: async (path) => {
      await forge(path, await newestSlot(path), (map) => map.setUint32(44, 1, true));
      await flip("newest", 94)(path);
    },
    verdict: "recoverable",
    repaired: "MAP_CORRUPT",
    discarded: [],
  },
  {
    name: "the newer slot does not begin as a map",
    damage: flip("newest", 0),
    verdict: "recoverable",
    says: "does not begin as a region map",
    repaired: "MAP_CORRUPT",
    discarded: EARLIER,
  },
  {
    name: "the older slot is of an older version",
    damage: version("older", 0),
    verdict: "recoverable",
    says: "of version 0",
    repaired: "MAP_CORRUPT",
    discarded: BOTH,
  },
  {
    name: "the older slot was zeroed",
    damage: async (path) => {
      const older = 1 - (await newestSlot(path));
      await changeMap(path, (bytes) => bytes.fill(0, older * SLOT_SIZE, (older + 1) * SLOT_SIZE));
    },
    verdict: "recoverable",
    says: "it is empty",
    repaired: "MAP_CORRUPT",
    discarded: BOTH,
  },
  {
    name: "the older slot is of another copy",
    damage: takeFromAnother("older"),
    verdict: "recoverable",
    repaired: "MAP_CORRUPT",
    discarded: BOTH,
  },
  {
    name: "one slot is of a newer version",
    damage: version("older", 2),
    verdict: "untrusted",
    says: "of version 2",
    repaired: "MAP_CORRUPT",
    discarded: "gone",
  },
  {
    name: "both slots are damaged",
    damage: async (path) => {
      await flip("newest", 94)(path);
      await flip("older", 94)(path);
    },
    verdict: "untrusted",
    repaired: "MAP_CORRUPT",
    discarded: "gone",
  },
  {
    name: "the slots have changed places",
    damage: (path) =>
      changeMap(path, (bytes) => {
        const even = Buffer.from(bytes.subarray(0, SLOT_SIZE));
        bytes.copyWithin(0, SLOT_SIZE);
        even.copy(bytes, SLOT_SIZE);
      }),
    verdict: "untrusted",
    says: "is in slot",
    repaired: "MAP_CORRUPT",
    discarded: "gone",
  },
  {
    name: "the bitmap of the newer slot was written wrong",
    damage: async (path) => forge(path, await newestSlot(path), (map) => map.setUint8(98, 0xff)),
    verdict: "untrusted",
    repaired: "MAP_CORRUPT",
    discarded: "gone",
  },
  {
    name: "the newer slot says that the copy is finished, and that regions are missing",
    damage: async (path) => forge(path, await newestSlot(path), (map) => map.setUint8(44, 2)),
    verdict: "untrusted",
    says: "2 regions are missing",
    repaired: "MAP_CORRUPT",
    discarded: "gone",
  },
  {
    name: "the newer slot has a geometry that cannot be",
    damage: async (path) =>
      forge(path, await newestSlot(path), (map) => map.setUint32(40, 5000, true)),
    verdict: "untrusted",
    says: "a geometry that cannot be",
    repaired: "MAP_CORRUPT",
    discarded: "gone",
  },
  {
    name: "the map is another file",
    damage: (path) => writeFile(`${path}.headwater`, "mine"),
    verdict: "untrusted",
    says: "has 4 bytes",
    repaired: "MAP_CORRUPT",
    discarded: "gone",
  },
  {
    name: "the map was cut where none of its length is",
    damage: (path) => truncate(`${path}.headwater`, 2 * SLOT_SIZE - 1),
    verdict: "untrusted",
    repaired: "MAP_CORRUPT",
    discarded: "gone",
  },
  {
    name: "the map was cut to the length of a smaller one",
    damage: (path) => truncate(`${path}.headwater`, 2 * SLOT_SIZE - 8192),
    verdict: "untrusted",
    repaired: "MAP_CORRUPT",
    discarded: "gone",
  },
  {
    name: "the map has room for a larger copy",
    damage: async (path) => {
      await using store = await FileMapStore.open(`${path}.headwater`);
      await store.reserve(2 * SLOT_SIZE);
    },
    verdict: "sound",
    repaired: "nothing",
  },
  {
    name: "the copy was becoming one of another version, and one slot is of the new one",
    damage: async (path) => {
      await forge(path, await newestSlot(path), (map) => {
        map.setUint32(44, 8, true);
        map.setUint8(72, "A".charCodeAt(0));
      });
    },
    verdict: "recoverable",
    says: "it is of the version before",
    repaired: BOTH,
    isInTheWay: true,
  },
  {
    name: "the map has grown",
    damage: (path) => appendFile(`${path}.headwater`, new Uint8Array(8192)),
    verdict: "recoverable",
    says: "it is empty",
    repaired: "MAP_CORRUPT",
    discarded: EARLIER,
  },
  {
    name: "the map is missing",
    damage: (path) => rm(`${path}.headwater`),
    verdict: "untrusted",
    says: "is missing",
    repaired: "MAP_CORRUPT",
    discarded: "gone",
  },
];
