import type { Mutant } from "./mutant.ts";

/** What goes wrong with a write or a discard. */
export const WRITING: readonly Mutant[] = [
  {
    name: "a partial write does not wait for the rest of its region",
    from: 8,
    file: "writer.js",
    edits: [["await this.#gather(edge, offset, bytes, options.signal);", ";"]],
  },
  {
    name: "a region is taken for covered without its last byte",
    from: 124,
    file: "writer.js",
    edits: [["if (end < geometry.offsetOf(run.end))", "if (end < geometry.offsetOf(run.end) - 1)"]],
  },
  {
    name: "a discard ignores a copy in flight",
    file: "writer.js",
    edits: [
      ["await this.#locked({ first, end }, () => ", "await this.#unlocked({ first, end }, () => "],
      [
        "async #locked(run, change) {",
        "async #unlocked(run, change) {\n" +
          "await this.#context.committer.noteWritten(); await change(); this.#mark(run);\n" +
          "}\nasync #locked(run, change) {",
      ],
    ],
  },
  {
    name: "a discard leaves the short tail as it is",
    file: "geometry.js",
    edits: [["end === this.size ? this.regionCount : this.regionAt(end)", "this.regionAt(end)"]],
  },
  {
    name: "a write does not take the regions that it covers from their fetch",
    from: 6,
    file: "writer.js",
    edits: [["this.#context.fetcher?.drop(run.first, run.end);", ""]],
  },
  {
    name: "that a user wrote is stored after the write",
    from: 9,
    file: "writer.js",
    edits: [["await committer.noteWritten();", "committer.noteWritten().catch(() => { });"]],
  },
  {
    name: "a write that failed marks its regions",
    from: 50,
    file: "writer.js",
    edits: [
      [
        "await change().catch((error) => this.#tore(run, error));",
        "await change().finally(() => this.#mark(run));",
      ],
    ],
  },
  {
    name: "two that change a region do so together",
    file: "region-locks.js",
    edits: [["if (earlier.length > 0)", "if (false)"]],
  },
  {
    name: "a region of which a part is known to be zeros is taken for zeros",
    from: 52,
    file: "zeros.js",
    edits: [["geometry.wholeRun(", "geometry.runOf("]],
  },
  {
    name: "a write that is left makes a hole in what others fill",
    from: 148,
    file: "gathering.js",
    edits: [
      ["const parts = [...this.#parts];", "const parts = this.#parts;"],
      ["await this.#filling;", ""],
    ],
  },
  {
    name: "force unit access forces nothing",
    from: 110,
    file: "writer.js",
    edits: [["if (options.fua)", "if (false)"]],
  },
];
