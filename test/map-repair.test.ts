import { link, stat, writeFile } from "node:fs/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { fingerprintOf } from "../adapters/file/fingerprint.ts";
import { FileMapStore, inspectMap, LocalCopy, repairMap } from "../adapters/file/index.ts";
import { encodeMap, type MapSlot, newestMap } from "../lib/index.ts";
import { codeOf, contentsOf, inFolder } from "./local-copy-files.ts";
import { FILE_STATES } from "./map-file-states.ts";
import {
  contentWith,
  finishCopy,
  hydratedRegions,
  makeCopy,
  REGION_SIZE,
  SIZE,
} from "./map-files.ts";
import { SLOT_STATES } from "./map-slot-states.ts";
import { cutPartial, flip, type MapState, RUNS } from "./map-states.ts";

const test = suite("map inspection and repair");

async function makeState(path: string, { plan, damage }: MapState): Promise<void> {
  await makeCopy(path, plan ?? { runs: RUNS });
  await damage(path);
}

/** The copy has what it should, whatever was repaired. */
async function checkEnd(path: string, { plan, isInTheWay }: MapState): Promise<void> {
  if (isInTheWay) return;
  await finishCopy(path, contentWith(plan?.written ?? []));
}

for (const state of [...SLOT_STATES, ...FILE_STATES]) {
  test(`${state.name}: ${state.verdict}`, () =>
    inFolder(async (path) => {
      await makeState(path, state);
      const before = await contentsOf(path);
      const { verdict, findings } = await inspectMap(path);
      const said = findings.map(({ message }) => message).join("\n");
      assert.is(verdict, state.verdict, said);
      assert.match(said, state.says ?? "");
      assert.equal(await contentsOf(path), before, "looking changes nothing");
    }));

  test(`${state.name}: repaired`, () =>
    inFolder(async (path) => {
      await makeState(path, state);
      const before = await contentsOf(path);
      if (typeof state.repaired !== "string") {
        const { changes } = await repairMap(path);
        assert.ok(changes.length > 0);
        assert.equal(await hydratedRegions(path), state.repaired);
        const { verdict, findings } = await inspectMap(path);
        assert.is(verdict, "sound", JSON.stringify(findings));
        assert.equal((await repairMap(path)).changes, [], "once is enough");
        await checkEnd(path, state);
        return;
      }
      if (state.repaired === "nothing") assert.equal((await repairMap(path)).changes, []);
      else assert.is(await codeOf(repairMap(path)), state.repaired);
      assert.equal(await contentsOf(path), before, "nothing is changed");
      if (state.repaired === "nothing") await checkEnd(path, state);
    }));

  const { discarded } = state;
  if (discarded === undefined) continue;
  test(`${state.name}: repaired without what may have been written`, () =>
    inFolder(async (path) => {
      await makeState(path, state);
      const before = await contentsOf(path);
      if (discarded === "gone") {
        assert.ok((await repairMap(path, { discardLocal: true })).changes.length > 0);
        assert.equal(await contentsOf(path), {});
        await finishCopy(path);
      } else if (typeof discarded === "string") {
        assert.is(await codeOf(repairMap(path, { discardLocal: true })), discarded);
        assert.equal(await contentsOf(path), before, "nothing is changed");
      } else {
        await repairMap(path, { discardLocal: true });
        assert.equal(await hydratedRegions(path), discarded);
        assert.is((await inspectMap(path)).verdict, "sound");
      }
    }));
}

test("a repair says from where on the copy is fetched again", () =>
  inFolder(async (path) => {
    await makeCopy(path, { runs: RUNS });
    await cutPartial(7 * REGION_SIZE + 1)(path);
    const { unhydrated, unhydratedBytes, changes } = await repairMap(path);
    assert.equal(unhydrated, { offset: 7 * REGION_SIZE, length: SIZE - 7 * REGION_SIZE });
    assert.is(unhydratedBytes, SIZE - 7 * REGION_SIZE);
    assert.match(changes.join("\n"), `${path}.partial has its ${SIZE} bytes again`);
  }));

test("a copy that is open here is looked at, and not repaired", () =>
  inFolder(async (path) => {
    await makeCopy(path, { runs: RUNS });
    await flip("newest", 94)(path);
    const copy = await LocalCopy.open(path);
    const { verdict, findings, lock } = await inspectMap(path);
    assert.is(verdict, "sound");
    assert.match(findings.map(({ message }) => message).join("\n"), "is being saved by process");
    assert.equal([lock?.holder?.pid, lock?.isDead], [process.pid, false]);
    assert.is(await codeOf(repairMap(path)), "LOCKED");
    await copy.close();
    assert.is((await inspectMap(path)).verdict, "recoverable");
  }));

test("the finished former version of a copy is not in the way", () =>
  inFolder(async (path) => {
    await makeCopy(path, { runs: RUNS });
    await writeFile(path, "the former version");
    const former = fingerprintOf(await stat(path, { bigint: true }));
    await using store = await FileMapStore.open(`${path}.headwater`);
    const { map } = await newestMap(await store.load());
    if (map === undefined) throw new Error("there is no map");
    const generation = map.generation + 1;
    await store.save((generation % 2) as MapSlot, await encodeMap({ ...map, former, generation }));
    assert.equal((await inspectMap(path)).findings, []);
  }));

test("a partial file with two names is nobody's business", () =>
  inFolder(async (path) => {
    await makeCopy(path, { runs: RUNS });
    await link(`${path}.partial`, `${path}-backup`);
    assert.is((await inspectMap(path)).verdict, "sound");
  }));

test.run();
