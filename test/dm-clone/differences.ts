import { overlaid } from "./content.ts";

/** What a field is here, in lines `from` to `to`, where the kernel has something else. */
export interface Rule {
  readonly from: number;
  readonly to: number;
  readonly field: string;
  ours(theirs: unknown): unknown;
}

/** Something that is not as in the kernel. docs/dm-clone.md says why, under the same name. */
export interface Difference {
  readonly name: string;
  readonly rules: readonly Rule[];
}

type Lines = number | readonly [from: number, to: number];

/** These fields hold this, in these lines. */
function is(lines: Lines, fields: Readonly<Record<string, unknown>>): Rule[] {
  return Object.entries(fields).map(([field, value]) => rule(lines, field, () => value));
}

function more(lines: Lines, field: string, by: number): Rule {
  return rule(lines, field, (theirs) => Number(theirs) + by);
}

/** In these lines and maps, so many sectors hold something else. */
function hold(
  lines: Lines,
  fields: readonly string[],
  first: number,
  count: number,
  tag: string,
): Rule[] {
  return fields.map((field) =>
    rule(lines, field, (theirs) => overlaid(String(theirs), first, count, tag)),
  );
}

function without(lines: Lines, feature: string): Rule {
  return rule(lines, "features", (theirs) =>
    (theirs as readonly string[]).filter((name) => name !== feature),
  );
}

function rule(lines: Lines, field: string, ours: (theirs: unknown) => unknown): Rule {
  const [from, to] = typeof lines === "number" ? [lines, lines] : lines;
  return { from, to, field, ours };
}

const BOTH = ["clone", "destination"];

export const DIFFERENCES: readonly Difference[] = [
  {
    name: "The short last region is a region",
    rules: [
      more(37, "destination discard", 8),
      more(38, "destination discard", 8),
      more([37, 39], "hydrated", 1),
      ...hold([37, 39], BOTH, 1024, 8, "0"),
      ...is(39, { stored: "0-64" }),
      more([44, 45], "hydrated", 1),
      ...hold([44, 45], BOTH, 1024, 8, "0"),
      ...is(45, { stored: "0-64" }),
      // It was discarded, and nobody writes there until line 362.
      more(335, "destination discard", 8),
      more([335, 361], "hydrated", 1),
      ...hold([335, 361], BOTH, 1024, 8, "0"),
      rule([335, 361], "stored", (theirs) => `${theirs}`.replace(/-63$/, "-64").replace(/62,/, "")),
      ...is(362, { "source read": 0, "destination write": 72 }),
    ],
  },
  {
    name: "What was discarded reads as zeros",
    rules: [
      ...hold([41, 43], BOTH, 16, 16, "0"),
      ...hold([43, 43], BOTH, 48, 16, "0"),
      ...hold([44, 45], BOTH, 0, 1024, "0"),
      more(41, "destination write", 16),
      more(43, "destination write", 16),
      more(44, "destination write", 1032),
      more(269, "destination write", 16),
    ],
  },
  {
    name: "A complete copy has nothing to turn off",
    rules: [
      without([38, 39], "no_hydration"),
      without([44, 45], "no_hydration"),
      without([84, 99], "no_hydration"),
      without([178, 179], "no_hydration"),
    ],
  },
  {
    name: "A complete copy is recorded at once",
    rules: [...is(145, { stored: "0-64" }), ...is(178, { stored: "0-64", hydrated: 65 })],
  },
  {
    name: "Counts are checked, and have no 32 bits",
    rules: [
      ...is(93, { error: "EINVAL" }),
      ...is(95, { error: null }),
      ...is(93, { core: { hydration_threshold: 256, hydration_batch_size: 64 } }),
      ...is(94, { core: { hydration_threshold: 2 ** 32 - 1, hydration_batch_size: 64 } }),
      ...is([95, 99], { core: { hydration_threshold: 2 ** 32, hydration_batch_size: 64 } }),
    ],
  },
  {
    name: "A write takes over from a copy in flight",
    rules: is(253, { "source read": 0, "destination write": 16 }),
  },
  {
    name: "A discard ends a copy in flight",
    rules: [
      ...is(257, { hydrating: 0 }),
      ...is([263, 264], { hydrating: 0 }),
      ...is(269, { hydrating: 0 }),
      ...is([259, 272], { data: "a*16", destination: "a*16" }),
    ],
  },
  {
    name: "Retries are spaced, bounded and told",
    rules: [...is(188, { hydrating: 0 }), ...is([190, 197], { events: 1, tries: "few" })],
  },
  {
    name: "A bad region holds back none of its neighbours",
    rules: [
      ...is(195, { hydrated: 40 }), // before any time has passed
      ...is(196, { "source read": 376, "destination write": 376, destination: "S*704 D*16 S*312" }),
      ...is(196, { stored: "0-43,45-64" }),
      ...is([196, 198], { hydrated: 64 }),
      ...is(198, { "source read": 0, "destination read": 16 }),
    ],
  },
  {
    name: "Read-only keeps what was acknowledged",
    rules: [
      ...is([235, 248], { hydrated: 3, clone: "S*16 a*16 b*16 S*2 c*2 S*980" }),
      ...is(239, { data: "b*16", "source read": 0, "destination read": 16 }),
    ],
  },
  {
    name: "Read-only refuses every change",
    rules: [
      ...is(240, { error: "EIO", "destination write": 0 }),
      ...is(243, { error: "EIO" }),
      ...is(244, { error: "EIO", "destination discard": 0 }),
      ...is([240, 250], { destination: "D*16 a*16 b*16 S*2 c*2 S*12 D*968" }),
      ...is([247, 248], { features: ["no_hydration"] }),
      ...is(250, { clone: "S*16 a*16 S*1000" }),
      ...is(226, { error: "EIO" }),
      ...is(247, { error: "EIO" }),
    ],
  },
  {
    name: "Readers do not stop the hydrator",
    rules: is(283, { hydrated_each_s: [65, 65, 65, 65, 65, 65] }),
  },
  {
    name: "A map that cannot be stored is an error, and no more",
    rules: [...is(781, { flush: "EIO" }), ...is(126, { answer: "opened" })],
  },
  {
    name: "A clone is as large as its source",
    rules: [...is(111, { answer: "opened" }), ...is(113, { answer: "RangeError" })],
  },
  {
    name: "The region size of a stored map wins",
    rules: is([131, 132], { answer: "opened" }),
  },
  {
    name: "Options have names and types, and no counts",
    rules: [115, 117, 120, 121, 124].flatMap((line) => is(line, { answer: "no such words" })),
  },
];
