import { mkdir, mkdtemp, rm, watch } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { randomFrom } from "./devices/random.ts";
import type { Life } from "./ltx-kill/life.ts";
import { LifeProcess } from "./ltx-kill/life-process.ts";
import { difference, makeReplica, type Stage } from "./ltx-kill/replica.ts";
import { serveReplica } from "./ltx-kill/served-replica.ts";

const test = suite("kill -9 of a copy of a replica");

/** Of hydration, and as many of a copy that advances. */
const KILLS = Number(process.env.KILLS ?? 6);
const SEED = Number(process.env.KILL_SEED ?? 1);
const KILLS_A_COPY = 4;
const PAGES = 1536;
/** A whole copy takes longer than most lives. */
const BYTES_PER_SECOND = 6e6;

/** What a life says, in this order. */
const WORDS = ["began", "opened", "advanced", "newest", "hydrated"];

const random = randomFrom(SEED);
const folder = await mkdtemp(join(tmpdir(), "headwater-ltx-kill-"));
const server = await serveReplica();
test.after(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

/** Resolves a moment after a file of this folder was made, changed, renamed or removed. */
async function changed(path: string, signal: AbortSignal): Promise<void> {
  let count = 1 + random(12);
  for await (const _ of watch(path, { signal })) {
    count -= 1;
    if (count === 0) return;
  }
}

/** Waits for a moment in which a life may end. */
async function moment(child: LifeProcess, path: string, over: AbortSignal): Promise<void> {
  const kind = random(4);
  if (kind === 0) await server.passed(random(PAGES * 2000));
  else if (kind === 1) await changed(path, over);
  else await child.said(WORDS[random(WORDS.length)] ?? "began");
  await sleep(random(kind === 3 ? 250 : 10));
}

/** Kills at such a moment, unless it is over before. Returns whether it killed. */
async function liveAndDie(life: Life): Promise<boolean> {
  const child = new LifeProcess(life);
  const abort = new AbortController();
  const due = moment(child, join(life.path, ".."), abort.signal).catch(() => {});
  await Promise.race([due, child.over().catch(() => {})]); // `kill` says why it failed
  abort.abort();
  return await child.kill();
}

/** Brings the copy to this stage, over some lives. Returns how many were ended. */
async function bring(path: string, stage: Stage, most: number): Promise<number> {
  await server.serve(stage.folder, BYTES_PER_SECOND);
  let killed = 0;
  for (let count = 0; count < most; count += 1) {
    const way = random(2) === 0 ? "advance" : "revalidate";
    const life = { url: server.url, path, way, model: stage.model } as const;
    if (await liveAndDie(life)) killed += 1;
  }
  return killed;
}

/** The replica moves on while the copy is hydrated, which follows it, until it is killed. */
async function follow(path: string, before: Stage, after: Stage): Promise<boolean> {
  await server.serve(before.folder, BYTES_PER_SECOND);
  const child = new LifeProcess({ url: server.url, path, way: "follow" });
  const abort = new AbortController();
  const over = child.over().catch(() => {}); // `kill` says why it failed
  for (const next of [() => server.serve(after.folder, BYTES_PER_SECOND), () => child.kill()]) {
    const due = moment(child, join(path, ".."), abort.signal).catch(() => {});
    await Promise.race([due, over]);
    await next();
  }
  abort.abort();
  return await child.kill();
}

async function finish(path: string, stage: Stage): Promise<void> {
  const { url } = server;
  await server.serve(stage.folder, 0);
  await new LifeProcess({ url, path, way: "revalidate", model: stage.model }).over();
  assert.is(await difference(path, stage.model), undefined);
}

test(`${KILLS} processes are killed that hydrate, and ${KILLS} that advance: no byte is wrong`, async () => {
  const [before, after] = await makeReplica(folder, PAGES);
  const killed = { hydrating: 0, advancing: 0 };
  for (let copy = 1; Math.min(killed.hydrating, killed.advancing) < KILLS; copy += 1) {
    const place = join(folder, `copy-${copy}`);
    await mkdir(place);
    const path = join(place, "db");
    killed.hydrating += await bring(path, before, KILLS_A_COPY);
    // Sometimes the replica moves on before the copy is whole.
    if (copy % 3 !== 0) await finish(path, before);
    else if (await follow(path, before, after)) killed.hydrating += 1;
    killed.advancing += await bring(path, after, KILLS_A_COPY);
    await finish(path, after);
    await rm(place, { recursive: true });
  }
  console.log(`${killed.hydrating} and ${killed.advancing} were killed`);
});

test.run();
