import type { Mutant } from "./mutant.ts";

/** What goes wrong on the way from the source to the destination, and to a reader. */
export const FETCHING: readonly Mutant[] = [
  {
    name: "a region is marked before it is written",
    from: 8,
    file: "landing.js",
    edits: [
      ["await destination.write(bytes.start, bytes.pieces);", ""],
      [
        "map.markHydrated(run.first, run.end);",
        "map.markHydrated(run.first, run.end); await destination.write(bytes.start, bytes.pieces);",
      ],
    ],
  },
  {
    name: "a late copy lands over a newer write",
    from: 6,
    file: "landing.js",
    edits: [["const isOurs = this.#owner.holds(region);", "const isOurs = true;"]],
  },
  {
    name: "a copy lets go of its regions while it lands",
    from: 6,
    file: "landing.js",
    edits: [
      [
        "const release = await locks.acquire(first, end);",
        "const release = await locks.acquire(first, end); release();",
      ],
    ],
  },
  {
    name: "what is dropped is not counted",
    from: 6,
    file: "landing.js",
    edits: [["this.#lose(part.length);", ";"]],
  },
  {
    name: "a reader is served bytes that were written over",
    from: 1185,
    file: "landing.js",
    edits: [["                return false;\n        }\n        let copied", "; }\nlet copied"]],
  },
  {
    name: "bytes are given back while they are on their way",
    from: 10,
    file: "landing.js",
    edits: [
      [
        "await destination.write(bytes.start, bytes.pieces);",
        "const written = destination.write(bytes.start, bytes.pieces); await Promise.resolve(); " +
          "this.#context.source.release(bytes.pieces); await written;",
      ],
    ],
  },
  {
    name: "a fetch that goes on asks for the wrong bytes",
    file: "fetch.js",
    edits: [["const { end: offset } = begun;", "const { start: offset } = begun;"]],
  },
  {
    name: "a reader returns before what it joined has landed",
    from: 6,
    file: "demand.js",
    edits: [
      ["waits.push(claim.settled(region));", "waits.push(claim.arrived(region));"],
      ['if (outcome === "asked")', 'if (outcome === "asked") break; if (false)'],
    ],
  },
  {
    name: "one reader's abort ends the fetch of the others",
    from: 68,
    file: "demand.js",
    edits: [
      [
        "async #serve(fetch, end, reader, signal) {",
        "async #serve(fetch, end, reader, signal) {\n" +
          'signal?.addEventListener("abort", () => fetch.abort(signal.reason));',
      ],
    ],
  },
  {
    name: "readers notice that a source was replaced",
    from: 310,
    file: "demand.js",
    edits: [["if (error === REPLACED)", "if (false)"]],
  },
  {
    name: "a failed part of a read leaves the others on their way",
    from: 53,
    file: "router.js",
    edits: [["await Promise.allSettled(parts)", "(await Promise.all(parts), [])"]],
  },
  {
    name: "a bad region holds back its neighbours",
    from: 1268,
    file: "hydrator.js",
    edits: [
      ["while (end < run.end && !setbacks.holds(end))", "while (end < run.end)"],
      ["if (fetcher.isFree(region) && !setbacks.holds(region))", "if (fetcher.isFree(region))"],
    ],
  },
  {
    name: "one region more than the threshold is in flight",
    file: "hydrator.js",
    edits: [["this.#grid <= this.#threshold;", "this.#grid <= this.#threshold + 1;"]],
  },
  {
    name: "what was named is said to be there when its first part is",
    from: 17,
    file: "goals.js",
    edits: [["this.#firstOpen(goal) === goal.runs.length", "this.#firstOpen(goal) > 0"]],
  },
  {
    name: "the bytes of the short tail are miscounted",
    file: "local-ranges.js",
    edits: [["bytes -= last * geometry.regionSize - end;", ";"]],
  },
];
