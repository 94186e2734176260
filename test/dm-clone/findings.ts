import { isDeepStrictEqual } from "node:util";
import type { Rule } from "./differences.ts";
import type { Stage } from "./stage.ts";
import { type LineFields, parseStatusLine, type TraceLine } from "./trace.ts";

/** What came out otherwise than in the traces, but for the differences that are known. */
export class Findings {
  #surprises: Record<string, unknown> = {};
  readonly #rules: readonly Rule[];
  readonly #occurred = new Set<Rule>();
  #seq = 0;

  constructor(rules: readonly Rule[]) {
    this.#rules = rules;
  }

  /** By line and field, what came out since this was asked for last. */
  takeSurprises(): Record<string, unknown> {
    const surprises = this.#surprises;
    this.#surprises = {};
    return surprises;
  }

  /** Of the known differences, those that made none. */
  get idle(): Rule[] {
    return this.#rules.filter((rule) => !this.#occurred.has(rule));
  }

  /** The line that what follows is about. */
  at(line: TraceLine): void {
    this.#seq = line.seq;
  }

  compare(field: string, theirs: unknown, ours: unknown): void {
    let expected = theirs;
    for (const rule of this.#rules) {
      if (rule.field !== field || this.#seq < rule.from || rule.to < this.#seq) continue;
      const changed = rule.ours(expected);
      if (!isDeepStrictEqual(changed, expected)) this.#occurred.add(rule);
      expected = changed;
    }
    if (!isDeepStrictEqual(expected, ours)) this.#surprises[`${this.#seq} ${field}`] = ours;
  }

  /** Everything that a line says of a clone and its devices. */
  async compareState(stage: Stage, line: TraceLine): Promise<void> {
    if (line.status_line !== undefined) this.compareStatus(line.status_line, stage.statusFields());
    if (line.clone_map !== undefined) {
      const piece = line.clone_map.includes("|") ? 8 : undefined;
      this.compare("clone", line.clone_map, await stage.cloneRuns(piece));
    }
    if (line.dest_map !== undefined) {
      this.compare("destination", line.dest_map, stage.destinationRuns());
    }
    const stored = line.ondisk_hydrated_regions ?? line.hydrated_regions;
    if (stored !== undefined) this.compare("stored", stored, await stage.storedRegions());
  }

  compareStatus(line: string, ours: LineFields | { readonly mode: string }): void {
    const theirs = parseStatusLine(line);
    for (const field of new Set([...Object.keys(theirs), ...Object.keys(ours)])) {
      this.compare(field, theirs[field as keyof typeof theirs], ours[field as keyof typeof ours]);
    }
  }
}
