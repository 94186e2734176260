import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hydrate } from "../adapters/hydrate.ts";
import { litestream } from "../adapters/ltx/index.ts";
import type { Life } from "./ltx-kill/life.ts";
import { LifeProcess } from "./ltx-kill/life-process.ts";
import { difference, makeReplica, type Stage } from "./ltx-kill/replica.ts";

const test = suite("kill -9 at each change of a file");

/** Of the changes every ninth is tried, from this one on: `KILL_STRIDE=1` tries all of them. */
const STRIDE = Number(process.env.KILL_STRIDE ?? 9);
const FIRST = Number(process.env.KILL_SEED ?? 1) % STRIDE;

const folder = await mkdtemp(join(tmpdir(), "headwater-ltx-steps-"));
test.after(() => rm(folder, { recursive: true }));
const [before, after] = await makeReplica(folder, 600);
/** Where the replica is, whatever has become of it. */
const replica = join(folder, "replica");
const url = pathToFileURL(replica).href;

async function show({ folder: target }: Stage): Promise<void> {
  await rm(replica, { force: true });
  await symlink(target, replica);
}

/** Makes the copy whole, and sees that it is what it must be and nothing else is left. */
async function finish(path: string, stage: Stage): Promise<void> {
  const clone = await hydrate(litestream(url), path, { revalidate: true });
  await clone.hydrated();
  await clone.close();
  assert.is(await difference(path, stage.model), undefined);
  // What one leaves that dies in the midst of taking a lock stays until a lock is taken over.
  const names = (await readdir(join(path, ".."))).filter((name) => !name.endsWith(".draft"));
  assert.equal(names.sort(), ["db", "db.headwater"]);
}

/** Who reads the file finds all of one transaction, at any time. */
async function isWhole(path: string, stages: readonly Stage[], mustBe: boolean): Promise<void> {
  if (!mustBe && !existsSync(path)) return;
  const differences = await Promise.all(stages.map(({ model }) => difference(path, model)));
  assert.ok(differences.includes(undefined), differences.join());
}

interface Way {
  readonly name: string;
  readonly way: Life["way"];
  /** Makes what is found. */
  prepare(path: string): Promise<void>;
  readonly stage: Stage;
}

const WAYS: readonly Way[] = [
  {
    name: "a new copy",
    ...{ way: "revalidate", stage: before },
    prepare: () => show(before),
  },
  {
    name: "a finished copy that is opened at a later transaction",
    ...{ way: "revalidate", stage: after },
    prepare: async (path) => {
      await show(before);
      await finish(path, before);
      await show(after);
    },
  },
  {
    name: "a finished copy that advances while it is open",
    ...{ way: "advance", stage: after },
    prepare: async (path) => {
      await show(before);
      await finish(path, before);
      await show(after);
    },
  },
  {
    name: "a half-done copy whose transaction is gone",
    ...{ way: "advance", stage: after },
    prepare: async (path) => {
      await show(before);
      const clone = await hydrate(litestream(url), path, { noHydration: true });
      await clone.hydrate({ ranges: [{ offset: 400_000, length: 1_000_000 }] });
      await clone.close();
      await show(after);
    },
  },
];

/** Lives on what was prepared, until its death. Returns how many changes it made without one. */
async function live({ way, stage, prepare }: Way, path: string, step: number): Promise<number> {
  await mkdir(join(path, ".."));
  try {
    await prepare(path);
    const wasWhole = existsSync(path);
    const life = new LifeProcess({ url, path, way, model: stage.model, step });
    const said = await life.over();
    await isWhole(path, wasWhole ? [before, stage] : [stage], wasWhole);
    await finish(path, stage);
    return Number(/closed (\d+)/.exec(said ?? "")?.[1] ?? Number.POSITIVE_INFINITY);
  } finally {
    await rm(join(path, ".."), { recursive: true });
  }
}

for (const way of WAYS) {
  test(`${way.name} is whole in the end, whichever change of a file it dies before`, async () => {
    const path = join(folder, "copy", "db");
    const steps = await live(way, path, 0);
    assert.ok(steps > 10 && Number.isFinite(steps), `${steps} changes`);
    let killed = 0;
    for (let step = 1 + FIRST; step <= steps; step += STRIDE) {
      if ((await live(way, path, step)) === Number.POSITIVE_INFINITY) killed += 1;
    }
    assert.ok(killed > 0, "none was killed");
  });
}

test.run();
