import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { COMMAND, COMMAND_FLAG } from "../adapters/nbd/protocol.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { randomFrom } from "./devices/random.ts";
import { SECTOR_SIZE, SectorVersions } from "./devices/sector-versions.ts";
import type { RawClient, RawRequest } from "./nbd/raw-client.ts";
import { type Life, ServerLife } from "./nbd/server-life.ts";
import { startOrigin } from "./origin/client.ts";

const test = suite("NBD server, kill -9");

/** As many kills: set KILLS for more, and KILL_SEED for others. */
const KILLS = Number(process.env.KILLS ?? 6);
const SEED = Number(process.env.KILL_SEED ?? 1);
const KILLS_A_COPY = 6;
const REGION_SIZE = 16_384;
const SIZE = 6 * 2 ** 20 + 777;
/** Requests that are in flight together lie in different ones, so that their order is no matter. */
const BLOCK_SIZE = 65_536;

const random = randomFrom(SEED);
// A whole copy takes longer than most lives.
const origin = await startOrigin({ bytesPerSecond: 8e6 });
test.after(() => origin.close());

/** What a request will have written, once it is done. */
function noteChange(disk: SectorVersions, { type, offset = 0, length = 0, payload }: RawRequest) {
  if (type === COMMAND.trim) {
    const first = Math.ceil(offset / REGION_SIZE) * REGION_SIZE;
    const end = Math.floor((offset + length) / REGION_SIZE) * REGION_SIZE;
    if (first < end) disk.write(first, new Uint8Array(end - first));
  } else {
    disk.write(offset, payload ?? new Uint8Array(length));
  }
}

function changeIn(block: number): RawRequest {
  const offset = block * BLOCK_SIZE + random(BLOCK_SIZE / 2);
  const length = 1 + random(BLOCK_SIZE / 2);
  const type = [COMMAND.write, COMMAND.write, COMMAND.writeZeroes, COMMAND.trim][random(4)] ?? 1;
  if (type !== COMMAND.write) return { type, offset, length };
  return { type, offset, payload: patternBytes(Math.min(length, 9000), random(1000)) };
}

/** Sends requests together and waits for all their replies. */
async function together(client: RawClient, requests: readonly RawRequest[]): Promise<void> {
  for (const request of requests) client.ask(request);
  for (const _ of requests) assert.is((await client.reply(0)).error, 0);
}

/** Writes and flushes until the server is gone, which may be just after it made a promise. */
async function use(
  client: RawClient,
  disk: SectorVersions,
  kill: () => Promise<void>,
): Promise<void> {
  while (true) {
    const first = random(90);
    const changes = Array.from({ length: 1 + random(4) }, (_, index) => changeIn(first + index));
    for (const change of changes) noteChange(disk, change);
    await together(client, changes);
    if (random(2) === 0) continue;
    const mark = disk.mark();
    await together(client, [{ type: COMMAND.flush }]);
    disk.settle(mark);
    if (random(5) === 0) await kill();
    if (random(2) === 0) continue;
    // Alone and after a flush, so that nothing else could be what it makes durable.
    const durable = { ...changeIn(random(90)), flags: COMMAND_FLAG.fua };
    noteChange(disk, durable);
    await together(client, [durable]);
    disk.settle(disk.mark());
    if (random(5) === 0) await kill();
  }
}

/** Finds out which of the writes that nobody flushed have survived. */
async function settleAfterKill(client: RawClient, disk: SectorVersions): Promise<void> {
  for (const offset of disk.unsettled()) {
    const length = Math.min(SECTOR_SIZE, SIZE - offset);
    const { data, error } = await client.call({ type: COMMAND.read, offset, length });
    assert.is(error, 0);
    assert.ok(disk.resolve(offset, data), `the sector at ${offset} holds what it cannot hold`);
  }
}

/** One copy, from nothing to the whole, over several lives. Returns how often it was killed. */
async function copyAndKill(life: Life, kills: number, expected: Uint8Array): Promise<void> {
  const disk = new SectorVersions(expected);
  for (let count = 0; count < kills; count += 1) {
    const server = new ServerLife(life);
    // Now and then before it serves.
    if (random(10) === 0) setTimeout(() => server.kill().catch(() => {}), random(250));
    const client = await server.client();
    if (client !== undefined) {
      const timer = setTimeout(() => void server.kill(), 20 + random(1500));
      // That the server is gone ends it.
      const failure = await settleAfterKill(client, disk)
        .then(() => use(client, disk, () => server.kill()))
        .catch((error: unknown) => error);
      clearTimeout(timer);
      if (!/closed the connection|has left/.test(String(failure))) throw failure;
      await client[Symbol.asyncDispose]();
    }
    await server.kill();
  }
  const last = new ServerLife(life);
  const client = await last.client();
  if (client === undefined) throw new Error("the last life did not serve");
  await settleAfterKill(client, disk);
  await client[Symbol.asyncDispose]();
  await last.close();
  const found = new Uint8Array(await readFile(life.path));
  assert.is(found.length, SIZE);
  const wrong = found.findIndex((byte, index) => byte !== disk.current[index]);
  assert.is(wrong, -1, `byte ${wrong} is wrong`);
}

test(`${KILLS} servers are killed, and every flushed write is there`, async () => {
  for (let killed = 0; killed < KILLS; killed += KILLS_A_COPY) {
    const folder = await mkdtemp(join(tmpdir(), "headwater-nbd-kill-"));
    try {
      const url = origin.url(`/blob?size=${SIZE}&seed=5`);
      const [path, unix] = [join(folder, "blob"), join(folder, "socket")];
      const kills = Math.min(KILLS_A_COPY, KILLS - killed);
      const life = { url, path, unix, regionSize: REGION_SIZE };
      await copyAndKill(life, kills, origin.bytes(5, 0, SIZE));
    } finally {
      await rm(folder, { recursive: true });
    }
  }
});

test.run();
