import { copyFileSync, existsSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { OpenDatabaseOptions } from "../../../adapters/sqlite/index.ts";
import type { Random } from "../../simulation/random.ts";
import type { Native, NativeDatabase } from "../native.ts";
import { askNative, type Outcome } from "../outcome.ts";
import { type SqlStep, textOf } from "../step.ts";
import { anyLayout, type Original, type Originals } from "./originals.ts";
import { workload } from "./workload.ts";

/** Who answers beside the native database: one in this process, or in another. */
export interface Subject {
  ask(step: SqlStep): Promise<Outcome>;
}

/** Nothing is forced to the disk: the machine goes on. */
export const QUICK = "pragma synchronous = off";

/** What both databases of a comparison are, as chance has it. */
export interface Beginning {
  readonly name: string;
  readonly original: Original;
  readonly writable: boolean;
  readonly options: OpenDatabaseOptions;
  /** Where the subject has its copy. */
  readonly file: string;
  /** A copy that was made at once. */
  readonly native: NativeDatabase;
}

export interface Place {
  readonly Native: Native;
  readonly originals: Originals;
  readonly folder: string;
}

export function begin(seed: number, random: Random, place: Place): Beginning {
  const layout = anyLayout(random);
  const original = place.originals.of(layout);
  const folder = mkdtempSync(join(place.folder, `${seed}-`));
  const nativeFile = join(folder, "native.db");
  copyFileSync(original.path, nativeFile);
  const native = new place.Native(nativeFile);
  native.exec(QUICK);
  const writable = random.chance(0.75);
  const options = anyOptions(random, writable);
  const file = join(folder, "copy.db");
  const name = `seed ${seed}, ${JSON.stringify({ ...layout, ...options })}`;
  return { name, original, writable, options, file, native };
}

function anyOptions(random: Random, writable: boolean): OpenDatabaseOptions {
  return {
    writable,
    native: random.pick(["auto", "auto", "off"] as const),
    noHydration: random.chance(0.4),
    regionSize: random.pick([4096, 4096, 16_384, 65_536]),
    readAround: random.pick([0, 0, 16_384, 131_072]),
    hydrationThreshold: random.pick([1, 8, 512]),
    hydrationBatchSize: random.pick([1, 4]),
    bytesPerSecond: random.pick([300_000, 1_500_000]), // it is to go on for some statements
  };
}

/** Both do the same, one step after the other, and are to answer the same. */
export class Comparison {
  readonly #native: NativeDatabase;
  readonly #name: string;
  count = 0;

  constructor({ native, name }: Pick<Beginning, "native" | "name">) {
    this.#native = native;
    this.#name = name;
  }

  /** As many steps of a workload, and more until no transaction is open. */
  async go(subject: Subject, random: Random, writable: boolean, steps: number): Promise<void> {
    let left = steps;
    for (const step of workload(random, writable)) {
      await this.both(subject, step);
      left -= 1;
      if (left <= 0 && !this.#native.inTransaction) return;
    }
  }

  async both(subject: Subject, step: SqlStep): Promise<void> {
    this.expect(step, await subject.ask(step));
  }

  /** The native database does a step that the subject has done. */
  expect(step: SqlStep, found: Outcome): void {
    this.count += 1;
    const wanted = askNative(this.#native, step);
    assert.equal(
      promised(step, found),
      promised(step, wanted),
      `${this.#name}, step ${this.count}: ${textOf(step)}`,
    );
  }

  /** Everything that is in them is the same, and both are sound. */
  async all(subject: Subject): Promise<void> {
    await this.both(subject, { sql: "pragma integrity_check" });
    await this.both(subject, { sql: "pragma foreign_key_check" });
    for (const name of tablesOf(this.#native)) {
      await this.both(subject, { sql: `select * from "${name}"` });
    }
  }
}

/** Only who inserts such a row is told of it: else it is of one of another statement, or build. */
function promised({ sql }: SqlStep, outcome: Outcome): Outcome {
  const isRow = /^insert .*into (item|large|lone|extra_\d)\b/.test(sql);
  if (isRow && outcome.changes !== 0) return outcome;
  const { lastInsertRowid, ...rest } = outcome;
  return rest;
}

/** What a subject has left is what any SQLite sees in it, and nothing is beside it. */
export async function expectWhole(
  { file, native, name }: Beginning,
  { Native }: Place,
): Promise<void> {
  for (const ending of ["-journal", "-wal", ".partial"]) {
    assert.not(existsSync(`${file}${ending}`), `${name}: ${file}${ending} is left`);
  }
  const whole = new Native(file, { fileMustExist: true });
  try {
    const comparison = new Comparison({ native: whole, name: `${name}, at last` });
    await comparison.all({ ask: async (step) => askNative(native, step) });
  } finally {
    whole.close();
  }
}

function tablesOf(database: NativeDatabase): string[] {
  const list = "select name from sqlite_schema where type = 'table' order by 1";
  const rows = database.prepare(list).all() as { name: string }[];
  return rows.map(({ name }) => name).filter((name) => !isInternal(name));
}

/** How FTS5 divides its index is its own affair, and tables of statistics are no promise. */
function isInternal(name: string): boolean {
  return /^(words_(data|idx|docsize|config)|sqlite_stat)/.test(name);
}
