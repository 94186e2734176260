import { type Database, openDatabase, type SqlRow } from "../../../adapters/sqlite/index.ts";
import { Random } from "../../simulation/random.ts";
import { type Asked, askSubject } from "../outcome.ts";
import type { SqlStep } from "../step.ts";
import { Shuffle, TroubledSource } from "../troubled-source.ts";
import { type Beginning, begin, Comparison, expectWhole, type Place, QUICK } from "./comparison.ts";

export interface Compared {
  readonly statements: number;
  /** Whether a native driver ran the last of them. */
  readonly tookOver: boolean;
}

/**
 * A copy in this process that is asked so many statements: some while pages arrive, some while and
 * after the whole becomes local.
 */
export async function compareHere(
  seed: number,
  place: Place,
  statements: number,
): Promise<Compared> {
  const random = new Random(seed);
  const beginning = begin(seed, random, place);
  const { native, writable } = beginning;
  const comparison = new Comparison(beginning);
  let tookOver = false;
  const db = await openCopy(beginning, random);
  try {
    if (random.chance(0.8)) await db.exec(QUICK);
    if (random.chance(0.5)) await db.exec("pragma cache_size = 10"); // pages are written early
    const subject = { ask: (step: SqlStep) => askSubject(asking(db, random), step) };
    await comparison.go(subject, random, writable, statements * random.fraction());
    await comparison.both(subject, { sql: "pragma integrity_check" });
    const local = db.ensureLocal();
    while (db.localPath === undefined && comparison.count < statements) {
      await comparison.go(subject, random, writable, 5);
    }
    db.clone?.configure({ bytesPerSecond: 0 });
    await local;
    await comparison.go(subject, random, writable, Math.max(30, statements - comparison.count));
    await comparison.all(subject);
    tookOver = db.driver !== "wasm";
    if (writable) await db.pragma("journal_mode = delete"); // so that none is kept for later
  } finally {
    await db.close();
  }
  await expectWhole(beginning, place);
  native.close();
  return { statements: comparison.count, tookOver };
}

async function openCopy({ original, file, options }: Beginning, random: Random): Promise<Database> {
  const source = new TroubledSource(original.bytes);
  source.trouble = new Shuffle(random.fork()).wait;
  return openDatabase(source, file, options);
}

/** Rows come all at once, or some at a time. */
function asking(db: Database, random: Random): Asked {
  if (random.chance(0.7)) return db;
  return {
    exec: (sql) => db.exec(sql),
    run: (sql, parameters) => db.run(sql, parameters),
    all: async (sql, parameters) => {
      const rows: SqlRow[] = [];
      for await (const row of db.iterate(sql, parameters)) rows.push(row);
      return rows;
    },
  };
}
