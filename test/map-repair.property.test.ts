// Random maps, random damage: whatever a repair does, no region becomes hydrated that was not, and
// the copy ends with the right bytes.
import { stat, truncate } from "node:fs/promises";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FileMapStore, inspectMap, repairMap } from "../adapters/file/index.ts";
import { isHeadwaterError } from "../lib/errors.ts";
import { inFolder } from "./local-copy-files.ts";
import {
  type CopyPlan,
  changeMap,
  contentWith,
  finishCopy,
  hydratedRegions,
  makeCopy,
  REGION_COUNT,
  SIZE,
  SLOT_SIZE,
} from "./map-files.ts";
import { propertyRuns } from "./property-runs.ts";

const test = suite("map repair, random");

type Damage =
  | { readonly kind: "flip"; readonly slot: 0 | 1; readonly at: number; readonly mask: number }
  | { readonly kind: "zero"; readonly slot: 0 | 1; readonly at: number; readonly length: number }
  | { readonly kind: "cut"; readonly size: number };

const region = fc.nat(REGION_COUNT - 2);
const plans: fc.Arbitrary<CopyPlan> = fc.record({
  runs: fc.array(
    // The last region is never brought, so that the copy stays unfinished.
    region.map((first) => ({ first, end: first + 1 })),
    { maxLength: 4 },
  ),
  written: fc.array(region, { maxLength: 2 }),
});

/** Where a map has its bytes; sometimes anywhere in the slot. */
const place = fc.oneof(
  { weight: 6, arbitrary: fc.nat(190) },
  { weight: 1, arbitrary: fc.nat(SLOT_SIZE - 1) },
);
const slot = fc.constantFrom<0 | 1>(0, 1);
const damages: fc.Arbitrary<Damage> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("flip"),
      slot,
      at: place,
      mask: fc.integer({ min: 1, max: 255 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("zero"),
      slot,
      at: place,
      length: fc.integer({ min: 1, max: SLOT_SIZE }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("cut"), size: fc.nat(SIZE) }) },
);

/**
 * Whether the damage may make a header say another age, or that nobody wrote. A slot may be the
 * only one that knows of the last write, and a header that lies well is believed.
 */
function mayLie(damage: Damage): boolean {
  if (damage.kind === "cut" || damage.at >= 48) return false;
  if (damage.kind === "zero") return true;
  return (damage.at >= 16 && damage.at < 24) || damage.at >= 44;
}

async function harm(path: string, damage: Damage): Promise<void> {
  if (damage.kind === "cut") {
    const { size } = await stat(`${path}.partial`);
    return truncate(`${path}.partial`, Math.min(size, damage.size));
  }
  const start = damage.slot * SLOT_SIZE + damage.at;
  await changeMap(path, (bytes) => {
    if (damage.kind === "flip") bytes[start] = (bytes[start] ?? 0) ^ damage.mask;
    else bytes.fill(0, start, Math.min(start + damage.length, (damage.slot + 1) * SLOT_SIZE));
  });
}

/** Undefined where it was refused. */
async function repaired(path: string): Promise<readonly string[] | undefined> {
  try {
    return (await repairMap(path)).changes;
  } catch (error) {
    if (isHeadwaterError(error)) return undefined;
    throw error;
  }
}

const outcomes = { changed: 0, refused: 0, sound: 0 };

test("a repair never says more than is there, and keeps what was written", async () => {
  const property = fc.asyncProperty(
    plans,
    fc.array(damages, { minLength: 1, maxLength: 2 }),
    (plan, list) =>
      inFolder(async (path) => {
        fc.pre(plan.written?.length === 0 || !list.some(mayLie));
        await makeCopy(path, plan);
        const truth = await hydratedRegions(path);
        for (const damage of list) await harm(path, damage);
        const { verdict } = await inspectMap(path);
        const changes = await repaired(path);
        if (changes === undefined) {
          assert.is.not(verdict, "sound");
          outcomes.refused += 1;
          return;
        }
        const left = await hydratedRegions(path);
        assert.equal(
          left.filter((one) => !truth.includes(one)),
          [],
          "hydrated, and was not",
        );
        if (verdict === "sound") assert.equal(changes, []);
        outcomes[changes.length === 0 ? "sound" : "changed"] += 1;
        // Of a file that was cut to where nothing is, nothing is left to keep.
        const isEmpty = (await stat(`${path}.partial`)).blocks === 0;
        await finishCopy(path, contentWith(isEmpty ? [] : (plan.written ?? [])));
      }),
  );
  await fc.assert(property, propertyRuns(100));
  assert.ok(Math.min(...Object.values(outcomes)) > 5, JSON.stringify(outcomes));
});

/** What a crash leaves of a save: nothing of it, some of its first bytes, or some of its last. */
const CRASHES = ["before", "its beginning", "its end"] as const;

test("a repair that is cut short at any step is made up for by the next one", async () => {
  const { save } = FileMapStore.prototype;
  for (const crashing of [1, 2, 3]) {
    for (const what of CRASHES) {
      await inFolder(async (path) => {
        await makeCopy(path, { runs: [{ first: 0, end: 9 }] });
        await truncate(`${path}.partial`, 5 * 4096 + 9);
        let saves = 0;
        FileMapStore.prototype.save = async function (index, bytes): Promise<void> {
          saves += 1;
          if (saves < crashing) return save.call(this, index, bytes);
          const half = bytes.length >> 1;
          if (what === "its beginning") await save.call(this, index, bytes.subarray(0, half));
          if (what === "its end") {
            await changeMap(path, (map) => map.set(bytes.subarray(half), index * SLOT_SIZE + half));
          }
          throw new Error("the power is gone");
        };
        try {
          await repairMap(path);
          assert.is(crashing, 3, "it was not cut short");
        } catch (error) {
          if (!String(error).includes("the power is gone")) throw error;
        } finally {
          FileMapStore.prototype.save = save;
        }
        // The third save is never made: this is the crash before the file has its size again.
        if (crashing === 3) await truncate(`${path}.partial`, 5 * 4096 + 9);
        await repairMap(path);
        assert.equal(await hydratedRegions(path), [0, 1, 2, 3, 4]);
        assert.is((await inspectMap(path)).verdict, "sound");
        await finishCopy(path);
      });
    }
  }
});

test.run();
