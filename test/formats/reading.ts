import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import { MemoryDevice, MemoryMapStore } from "../../adapters/memory.ts";
import type { ReadableBlob } from "../../adapters/streams/index.ts";
import { Clone, type CloneBehavior, type ReadOptions } from "../../lib/index.ts";

const REGION = 4096;

/** A library, a file, and something that it is asked. */
export interface Question<Answer> {
  readonly library: string;
  readonly what: string;
  readonly file: Uint8Array;
  ask(blob: ReadableBlob): Promise<Answer>;
  /** What the library says of the file itself, without a clone. */
  readonly answer: Answer;
  /** Brings what the question needs before it is asked. */
  hydrate?(clone: Clone): Promise<void>;
}

/** What a question cost where nothing was local. All in bytes. */
export interface Cost {
  readonly library: string;
  readonly what: string;
  readonly size: number;
  /** What the library asked for, in whole regions, each counted once. */
  readonly asked: number;
  readonly fetched: number;
}

/** Counts what it gives. */
class CountedFile extends MemoryDevice {
  served = 0;

  override read(offset: number, length: number, options?: ReadOptions): Promise<Uint8Array> {
    this.served += length;
    return super.read(offset, length, options);
  }
}

const countedFile = (file: Uint8Array): CountedFile =>
  new CountedFile(file, { identity: "file", pause: () => Promise.resolve() });

export async function openClone(
  file: Uint8Array,
  options: CloneBehavior = {},
  source: MemoryDevice = countedFile(file),
): Promise<Clone> {
  return await Clone.open({
    source,
    destination: new MemoryDevice(file.length),
    mapStore: new MemoryMapStore(),
    ...{ regionSize: REGION, readAround: 0, noHydration: true, ...options },
  });
}

/** Reads only what is asked for, and keeps what that was. */
class Recorded implements ReadableBlob {
  readonly size: number;
  readonly #clone: Clone;
  readonly #regions = new Set<number>();
  readonly #reads: Promise<unknown>[] = [];

  constructor(clone: Clone) {
    this.size = clone.size;
    this.#clone = clone;
  }

  get askedBytes(): number {
    return [...this.#regions].reduce(
      (sum, region) => sum + Math.min(REGION, this.size - region * REGION),
      0,
    );
  }

  read(
    offset: number,
    length: number,
    options: { signal?: AbortSignal } = {},
  ): Promise<Uint8Array> {
    const end = Math.min(offset + length, this.size);
    for (let at = offset - (offset % REGION); at < end; at += REGION)
      this.#regions.add(at / REGION);
    const read = this.#clone.read(offset, length, { ...options, exact: true });
    this.#reads.push(read);
    return read;
  }

  /** A library may have an answer before all is there that it asked for. */
  async settle(): Promise<void> {
    for (let settled = -1; settled !== this.#reads.length; ) {
      settled = this.#reads.length;
      await Promise.allSettled(this.#reads);
      await sleep(50);
    }
  }
}

/** Asks where nothing is local, while it hydrates, when all is, and what was brought first. */
export async function askEverywhere<Answer>(question: Question<Answer>): Promise<Cost> {
  const { library, what, file, answer } = question;
  const source = countedFile(file);
  const cold = await openClone(file, {}, source);
  const recorded = new Recorded(cold);
  assert.equal(await question.ask(recorded), answer, "cold");
  await recorded.settle();
  const fetched = source.served;
  const asked = recorded.askedBytes;
  assert.ok(fetched <= 1.1 * asked, `${fetched} bytes fetched, ${asked} asked for`);
  const during = question.ask(cold);
  await cold.hydrate();
  assert.equal(await during, answer, "while it hydrates");
  const { served } = source;
  assert.equal(await question.ask(cold), answer, "when all is local");
  assert.is(source.served, served);
  await cold.close();
  if (question.hydrate !== undefined) await askAfterwards(question, question.hydrate);
  const cost = { library, what, size: file.length, asked, fetched };
  checkTable(cost);
  return cost;
}

const PAGE = fileURLToPath(new URL("../../../docs/formats.md", import.meta.url));

/** The table of the page has this row. `FORMATS_TABLE=write npm test -- formats` writes it. */
function checkTable({ library, what, size, asked, fetched }: Cost): void {
  const beginning = `| ${library} | ${what} |`;
  const sizes = [size, asked, fetched].map((bytes) => (bytes / 1024).toFixed(0));
  const row = `${beginning} ${sizes.join(" | ")} | ${(fetched / asked).toFixed(2)} |`;
  const lines = readFileSync(PAGE, "utf8").split("\n");
  const at = lines.findIndex((line) => line.startsWith(beginning));
  if (process.env.FORMATS_TABLE === "write") {
    const end = lines.findLastIndex((line) => line.startsWith("| ")) + 1;
    lines.splice(at < 0 ? end : at, at < 0 ? 0 : 1, row);
    writeFileSync(PAGE, lines.join("\n"));
  } else assert.is(lines[at], row, `docs/formats.md is to have: ${row}`);
}

/** What was hydrated by name is read without a request. */
async function askAfterwards<Answer>(
  { file, ask, answer }: Question<Answer>,
  hydrate: (clone: Clone) => Promise<void>,
): Promise<void> {
  const source = countedFile(file);
  const clone = await openClone(file, {}, source);
  await hydrate(clone);
  const { served } = source;
  assert.ok(served < file.length, "not everything was brought");
  assert.equal(await ask(new Recorded(clone)), answer, "after what it needs was brought");
  assert.is(source.served, served, "nothing more was fetched");
  await clone.close();
}
