import type { Mutant } from "./mutant.ts";

/** What goes wrong with what a crash leaves, and at the end. */
export const DURABILITY: readonly Mutant[] = [
  {
    name: "the map is copied after the flush",
    from: 92,
    file: "committer.js",
    edits: [
      [
        "const bytes = await encodeMap(snapshot);",
        "const bytes = await encodeMap({ ...snapshot, hydrated: map.snapshot() });",
      ],
    ],
  },
  {
    name: "the map is saved before the data is flushed",
    from: 17,
    file: "committer.js",
    edits: [
      ["await destination.flush();", "if (snapshot === undefined) await destination.flush();"],
      ["this.#storedSize = bytes.length;", "await destination.flush();"],
    ],
  },
  {
    name: "a commit resolves before the map is saved",
    file: "committer.js",
    edits: [
      [
        "await this.#save(mapStore, (generation % 2), bytes);",
        "this.#save(mapStore, (generation % 2), bytes).catch(() => { });",
      ],
    ],
  },
  {
    name: "a flush joins the commit that is running",
    from: 17,
    file: "committer.js",
    edits: [
      [
        "        if (this.#running === undefined)\n            return this.#start();",
        "        return this.#running ?? this.#start();",
      ],
    ],
  },
  {
    name: "a commit begins beside the one that is about to begin",
    from: 22,
    file: "committer.js",
    edits: [["if (this.#next !== undefined)", "if (false)"]],
  },
  {
    name: "a commit is trusted after one that failed",
    from: 17,
    file: "committer.js",
    edits: [["if (this.#broken !== undefined)", "if (false)"]],
  },
  {
    // An advance stores its map in both slots; that the newer of two counts is the same decision.
    name: "the older of two maps is believed",
    from: 12,
    file: "map-format.js",
    edits: [
      [
        "mapOf(generation(even) > generation(odd) ? even : odd)",
        "mapOf((mapOf(even) && mapOf(odd)) ? (generation(even) < generation(odd) ? even : odd)" +
          " : (generation(even) > generation(odd) ? even : odd))",
      ],
    ],
  },
  {
    name: "a torn map is believed",
    from: 143,
    file: "map-format.js",
    edits: [["if (!checksum.every(", "if (false && !checksum.every("]],
  },
  {
    name: "a flush that failed is taken for one that did not",
    from: 11,
    file: "checked-device.js",
    edits: [['throw destinationError("flush", error, 0, this.device.size);', ""]],
  },
  {
    name: "the final name is given before the map says so",
    file: "hydration.js",
    edits: [
      [
        "await committer.finish();",
        "{ await destination.device.finish?.(); await committer.finish(); }",
      ],
    ],
  },
  {
    name: "the end does not wait for what was let in before",
    from: 12,
    file: "lifecycle.js",
    edits: [['await this.access.idle("read", "write");', ""]],
  },
  {
    name: "a suspension does not wait for known zeros",
    from: 444,
    file: "suspend.js",
    edits: [
      ["await rest.begin(locks, map.regionCount);", ""],
      ["isAtRest = true;", ""],
    ],
  },
];
