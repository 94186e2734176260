// Brings a copy of a replica to its newest transaction, and says how far it has come, until it is
// killed or everything is here.
import { writeSync } from "node:fs";
import { open } from "node:fs/promises";
import { hydrate } from "../../adapters/hydrate.ts";
import { litestream } from "../../adapters/ltx/index.ts";
import type { Clone } from "../../lib/index.ts";
import { dieBefore } from "./death.ts";

/** What one process is told to do. */
export interface Life {
  readonly url: string;
  readonly path: string;
  /**
   * How it comes to the newest transaction: when it opens the copy, once that is open, or only when
   * its own is gone.
   */
  readonly way: "revalidate" | "advance" | "follow";
  /** A file with the newest database, to compare what is read with. */
  readonly model?: string;
  /** It dies before this change of its files, counted from 1; 0 only counts them. */
  readonly step?: number;
}

/** Reads here and there while the copy is brought, and compares. */
async function compare(clone: Clone, model: string): Promise<void> {
  const file = await open(model);
  try {
    const { size } = await file.stat();
    if (clone.size !== size) throw new Error(`the copy has ${clone.size} bytes, not ${size}`);
    for (let offset = 0; offset < size; offset += 1_000_003) {
      const expected = Buffer.alloc(Math.min(9000, size - offset));
      await file.read(expected, 0, expected.length, offset);
      const bytes = await clone.read(offset, expected.length);
      if (!expected.equals(bytes)) throw new Error(`a read at ${offset} is wrong`);
    }
  } finally {
    await file.close();
  }
}

const life = JSON.parse(process.argv[2] ?? "") as Life;
const say = (word: string): void => void writeSync(1, `${word}\n`);
const changes = life.step === undefined ? undefined : await dieBefore(life.step);

say("began");
const source = litestream(life.url);
const revalidate = life.way === "revalidate";
// Little at once, so that something is left to ask for when the replica has moved on.
const little = life.way === "follow" ? { hydrationThreshold: 8 } : {};
const clone = await hydrate(source, life.path, { revalidate, ...little });
clone.on("advanced", () => say("advanced"));
say("opened");
if (life.way === "advance") await clone.advance(source);
say("newest");
if (life.model !== undefined) await compare(clone, life.model);
await clone.hydrated();
say("hydrated");
await clone.close();
say(`closed ${changes?.() ?? 0}`);
