import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import * as assert from "uvu/assert";
import type { OpenDatabaseOptions } from "../../../adapters/sqlite/index.ts";
import { Random } from "../../simulation/random.ts";
import type { NativeDatabase } from "../native.ts";
import { askNative, type Outcome } from "../outcome.ts";
import type { SqlStep } from "../step.ts";
import type { ChildStart } from "./child.ts";
import {
  type Beginning,
  begin,
  Comparison,
  expectWhole,
  type Place,
  type Subject,
} from "./comparison.ts";
import { COMMIT, FORGETFUL, workload } from "./workload.ts";

/** A log needs no memory that processes share, where only one has it. */
const LOG = "pragma locking_mode = exclusive; pragma journal_mode = wal";

/** The process in which a copy is open. */
class Life implements Subject, Disposable {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#exited = once(child, "exit");
  }

  static async start(
    { original, file, options }: Beginning,
    settings: string,
    changed: OpenDatabaseOptions = {},
  ): Promise<Life> {
    const path = new URL("./child.js", import.meta.url);
    const life = new Life(fork(path, { serialization: "advanced" }));
    const start: ChildStart = {
      ...{ original: original.path, file, settings },
      options: { ...options, ...changed },
    };
    assert.is(await life.#told(start), "open");
    return life;
  }

  readonly ask = async (step: SqlStep): Promise<Outcome> => {
    const outcome = await this.#told(step);
    assert.ok(outcome, "the process has ended by itself");
    return outcome as Outcome;
  };

  /** The same, and kills it meanwhile. Undefined where no answer came. */
  async askAndKill(step: SqlStep, delayMs: number): Promise<Outcome | undefined> {
    const answered = this.#told(step);
    setTimeout(() => this.#child.kill("SIGKILL"), delayMs);
    const outcome = await answered;
    await this.#exited;
    return outcome as Outcome | undefined;
  }

  /** Brings everything, and ends. */
  async finish(): Promise<void> {
    assert.is(await this.#told("finish"), "closed");
    await this.#exited;
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL"); // harmless where it has ended
  }

  /** What it answers; undefined when it ends without. */
  async #told(order: ChildStart | SqlStep | "finish"): Promise<unknown> {
    const answered = once(this.#child, "message").then(([answer]) => answer as unknown);
    this.#child.send(order);
    return Promise.race([answered, this.#exited.then(() => undefined)]);
  }
}

/**
 * A copy whose process is killed several times, at any step and often in a commit. What was
 * committed is there afterwards, and nothing else; what was being committed is there or not.
 *
 * @returns how often something was being committed.
 */
export async function compareKilled(seed: number, place: Place, lives: number): Promise<number> {
  const random = new Random(seed);
  const beginning = begin(seed, random, place);
  const comparison = new Comparison(beginning);
  const settings = beginning.writable ? random.pick(["", "", LOG]) : "";
  let open = 0;
  for (let left = lives; left > 0; left -= 1) {
    using life = await Life.start(beginning, settings);
    if (await liveAndDie(beginning, comparison, life, random)) open += 1;
  }
  using life = await Life.start(beginning, settings);
  await settle(beginning.native, life);
  await comparison.all(life);
  await comparison.go(life, random, beginning.writable, 20);
  await life.ask({ sql: "pragma journal_mode = delete", how: "exec" });
  await life.finish();
  await expectWhole(beginning, place);
  // Killed once more, now that it is a file that any SQLite opens.
  using last = await Life.start(beginning, settings, { native: "off" });
  if (await liveAndDie(beginning, comparison, last, random)) open += 1;
  await leftToOther(beginning, place, comparison);
  beginning.native.close();
  return open;
}

/** Another SQLite finds the file, and what a process that died has left beside it. */
async function leftToOther(
  { file, native, writable }: Beginning,
  { Native }: Place,
  comparison: Comparison,
): Promise<void> {
  const other = new Native(file, { fileMustExist: true });
  try {
    const subject: Subject = { ask: async (step) => askNative(other, step) };
    await settle(native, subject);
    await comparison.all(subject);
    if (writable) other.pragma("journal_mode = delete");
  } finally {
    other.close();
  }
  for (const ending of ["-journal", "-wal", "-shm"]) {
    assert.not(existsSync(`${file}${ending}`), `${file}${ending} is left`);
  }
}

/** @returns whether it died while it committed. */
async function liveAndDie(
  { native, writable }: Beginning,
  comparison: Comparison,
  life: Life,
  random: Random,
): Promise<boolean> {
  await settle(native, life);
  if (random.chance(0.3)) await comparison.both(life, { sql: "pragma integrity_check" });
  let left = random.between(1, 60);
  const isInCommit = writable && random.chance(0.6);
  for (const step of workload(random.fork(), writable)) {
    if (step.sql === FORGETFUL) continue;
    left -= 1;
    if (left > 0 || (isInCommit && step.sql !== COMMIT)) {
      await comparison.both(life, step);
      continue;
    }
    const outcome = await life.askAndKill(step, random.pick([0, 0, 1, 2, 4, 8]));
    if (outcome !== undefined) comparison.expect(step, outcome);
    else if (step.sql === COMMIT) return true;
    if (native.inTransaction) native.exec("rollback");
    return false;
  }
  return false;
}

/** Has the native database commit what the other one has, or not. */
async function settle(native: NativeDatabase, life: Subject): Promise<void> {
  const sql = "select n from ticks";
  const { rows } = await life.ask({ sql });
  const [found] = rows ?? [];
  const ticks = (): string => String((native.prepare(sql).get() as { n: number }).n);
  if (native.inTransaction) native.exec(found === ticks() ? "commit" : "rollback");
  assert.is(found, ticks(), "what was committed is there, and nothing else");
}
