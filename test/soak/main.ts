/**
 * For so many seconds, in a process of its own: copies of one blob, two at a time, each behind a
 * proxy with another fault, hydrate while they are read and written. What cannot be fetched any
 * more is given up, and the next copy is begun. The report goes over IPC.
 *
 *   node --expose-gc main.js SECONDS
 */
import { readdirSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Clone, hydrate } from "../../adapters/hydrate.ts";
import { HeadwaterError } from "../../lib/index.ts";
import { type FaultProxyClient, startFaultProxy } from "../fault-proxy/client.ts";
import type { Fault } from "../fault-proxy/fault.ts";
import { FAULTS } from "../fault-proxy/faults/index.ts";
import { type OriginClient, startOrigin } from "../origin/client.ts";
import { Random } from "../simulation/random.ts";

export interface SoakReport {
  /** What was not as it has to be, in words. */
  readonly wrong: readonly string[];
  readonly copies: number;
  /** Copies that came to their end. */
  readonly whole: number;
  readonly reads: number;
  readonly writes: number;
  readonly faultsMet: number;
  /** Bytes of memory, the mean of the first and the last tenth of the time. */
  readonly rssFirst: number;
  readonly rssLast: number;
  readonly descriptorsBefore: number;
  readonly descriptorsAfter: number;
  readonly warnings: readonly string[];
}

const SIZE = 3 * 2 ** 18; // of which one fault knows
const COPIES_AT_ONCE = 2;
const READERS = 3;
const SEED = 7;
const PATIENCE = { headersTimeoutMs: 1000, stallTimeoutMs: 1000 };

const seconds = Number(process.argv[2]);
const wrong: string[] = [];
const warnings: string[] = [];
const count = { copies: 0, whole: 0, reads: 0, writes: 0, faultsMet: 0 };
process.on("warning", ({ name, message }) => warnings.push(`${name}: ${message}`));

/** A copy that is read and written, beside an array that has to be equal to it at each moment. */
class Session {
  readonly #clone: Clone;
  readonly #model: Uint8Array;
  readonly #random: Random;
  /** Where a write is under way or has failed, nobody knows what stands there. */
  readonly #unknown = new Set<number>();
  #isOver = false;

  constructor(clone: Clone, model: Uint8Array, random: Random) {
    this.#clone = clone;
    this.#model = model;
    this.#random = random;
  }

  /** Until hydration has ended in whatever way. Resolves to whether the copy is whole. */
  async live(): Promise<boolean> {
    const hydrated = this.#clone.hydrated().then(
      () => true,
      (error: unknown) => !(error instanceof HeadwaterError) && Promise.reject(error),
    );
    const end = (): void => {
      this.#isOver = true;
    };
    hydrated.then(end, end);
    await Promise.all([...Array.from({ length: READERS }, () => this.#read()), this.#write()]);
    return hydrated;
  }

  async #read(): Promise<void> {
    while (!this.#isOver) {
      const block = this.#random.below(SIZE / 4096 - 4);
      const isKnown = [0, 1, 2, 3].every((next) => !this.#unknown.has(block + next));
      const before = this.#model.slice(block * 4096, (block + 4) * 4096);
      const bytes = await known(this.#clone.read(block * 4096, 4 * 4096));
      const after = this.#model.subarray(block * 4096, (block + 4) * 4096);
      count.reads += 1;
      await sleep(this.#random.below(5));
      // A write that was made meanwhile may have been seen or not.
      const isSame = isKnown && Buffer.compare(before, after) === 0;
      if (bytes === undefined || !isSame || Buffer.compare(bytes, before) === 0) continue;
      if ([0, 1, 2, 3].some((next) => this.#unknown.has(block + next))) continue;
      wrong.push(`a read of ${bytes.length} bytes at ${block * 4096}`);
    }
  }

  async #write(): Promise<void> {
    while (!this.#isOver) {
      await sleep(20);
      const block = this.#random.below(SIZE / 4096);
      const bytes = new Uint8Array(4096).fill(this.#random.below(256));
      this.#unknown.add(block);
      const isWritten = await known(this.#clone.write(block * 4096, bytes).then(() => true));
      if (!isWritten) continue;
      this.#model.set(bytes, block * 4096);
      this.#unknown.delete(block);
      count.writes += 1;
    }
  }

  /** What is left of the whole: the bytes of these places are not as they have to be. */
  differences(file: Uint8Array): string[] {
    const found: string[] = [];
    for (let block = 0; block < SIZE / 4096; block += 1) {
      const [from, end] = [block * 4096, (block + 1) * 4096];
      if (this.#unknown.has(block)) continue;
      if (Buffer.compare(file.subarray(from, end), this.#model.subarray(from, end)) === 0) continue;
      found.push(`the file at ${from}`);
    }
    return found;
  }
}

/** Undefined where it ended with an error that has a name. */
async function known<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof HeadwaterError) return undefined;
    throw error;
  }
}

async function copyOnce(
  proxy: FaultProxyClient,
  origin: OriginClient,
  fault: Fault,
  folder: string,
  seed: number,
): Promise<void> {
  const random = new Random(seed);
  const times = 1 + random.below(6);
  const request = { upstream: origin.url(""), fault: fault.name, skip: 1, times, seed };
  await using door = await proxy.open(request);
  const url = `${door.origin}/blob?size=${SIZE}&seed=${SEED}`;
  const file = join(folder, `copy-${seed}`);
  const retries = { backoffMs: 20, stallAfter: 4 };
  const clone = await known(hydrate(url, file, { retries, http: PATIENCE }));
  if (clone === undefined) return;
  count.copies += 1;
  const session = new Session(clone, origin.bytes(SEED, 0, SIZE), random);
  const isWhole = await session.live();
  await clone.close();
  count.faultsMet += (await door.counts()).met;
  if (isWhole) {
    count.whole += 1;
    for (const found of session.differences(await readFile(file))) {
      wrong.push(`${found} after ${fault.name}, seed ${seed}`);
    }
  }
  for (const name of readdirSync(folder).filter((name) => name.startsWith(`copy-${seed}`))) {
    await rm(join(folder, name));
  }
}

function descriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

async function soak(): Promise<SoakReport> {
  await using origin = await startOrigin();
  await using proxy = startFaultProxy();
  const folder = await mkdtemp(join(tmpdir(), "headwater-soak-"));
  const faults = Object.values(FAULTS)
    .flat()
    .filter(({ isHidden }) => !isHidden);
  const memory: number[] = [];
  let next = 0;
  const work = async (end: number): Promise<void> => {
    while (performance.now() < end) {
      const seed = next;
      next += 1;
      await copyOnce(proxy, origin, faults[seed % faults.length] as Fault, folder, seed);
      globalThis.gc?.();
      memory.push(process.memoryUsage().rss);
    }
  };
  try {
    await work(performance.now() + 1000); // what is made once is made now
    const descriptorsBefore = descriptors();
    memory.length = 0;
    const end = performance.now() + seconds * 1000;
    await Promise.all(Array.from({ length: COPIES_AT_ONCE }, () => work(end)));
    await sleep(500); // connections that are being closed
    const tenth = Math.ceil(memory.length / 10);
    const mean = (values: readonly number[]): number =>
      Math.round(values.reduce((sum, value) => sum + value, 0) / values.length);
    return {
      ...{ wrong, ...count, warnings, descriptorsBefore, descriptorsAfter: descriptors() },
      rssFirst: mean(memory.slice(0, tenth)),
      rssLast: mean(memory.slice(-tenth)),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

const report = await soak();
process.send?.(report, () => process.disconnect());
