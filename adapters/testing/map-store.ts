import { equal } from "node:assert/strict";
import type { MapStore } from "../../lib/index.ts";
import { assertBytes, patternBytes } from "./bytes.ts";
import type { Register } from "./register.ts";

/** A map store under test. */
export interface MapStoreSubject {
  readonly store: MapStore;
  /** Opens what the closed store left behind; for stores that outlive their process. */
  readonly reopen?: () => Promise<MapStore>;
  /** Called after each test, when the store is closed. */
  readonly release?: () => Promise<void>;
}

export interface MapStoreFactory {
  /** Opens a store that holds nothing yet. */
  open(): Promise<MapStoreSubject>;
}

/** Registers the tests of what `MapStore` promises as long as nothing crashes. */
export function mapStoreConformance(register: Register, factory: MapStoreFactory): void {
  const test = (name: string, run: (subject: MapStoreSubject) => Promise<void>): void => {
    register(name, async () => {
      const subject = await factory.open();
      try {
        await run(subject);
      } finally {
        await subject.store.close();
        await subject.release?.();
      }
    });
  };

  test("where nothing was saved there is nothing, or only zeros", async ({ store }) => {
    const slots = await store.load();
    equal(slots.length, 2);
    for (const slot of slots) assertBytes(slot, new Uint8Array(slot.length), "a new slot");
  });

  test("keeps what was saved in each slot, whatever follows it", async ({ store }) => {
    const lengths = [100, 5000, 3, 200_000, 4096, 4097];
    const expected: [Uint8Array, Uint8Array] = [new Uint8Array(0), new Uint8Array(0)];
    for (const [index, length] of lengths.entries()) {
      const slot = index % 2 === 0 ? 0 : 1;
      expected[slot] = patternBytes(length, index + 1);
      await store.save(slot, expected[slot]);
      await assertSlots(store, expected, `after save ${index}`);
    }
  });

  test("one slot alone may be saved, the second too", async ({ store }) => {
    const bytes = patternBytes(1000);
    await store.save(1, bytes);
    const slots = await store.load();
    assertBytes(slots[1].subarray(0, 1000), bytes, "slot 1");
    equal(
      slots[0].some((byte) => byte !== 0),
      false,
      "slot 0 was never saved",
    );
  });

  test("saves a part of a larger buffer, and keeps no hold of it", async ({ store }) => {
    const large = patternBytes(3000);
    const bytes = large.slice(1000, 2000);
    await store.save(0, large.subarray(1000, 2000));
    large.fill(0);
    await assertSlots(store, [bytes, new Uint8Array(0)], "after the buffer was used again");
    (await store.load())[0].fill(0);
    await assertSlots(store, [bytes, new Uint8Array(0)], "after what was loaded was written to");
  });

  test("what was saved is there when it is opened again", async ({ store, reopen }) => {
    const expected: [Uint8Array, Uint8Array] = [patternBytes(70_000, 2), patternBytes(300, 3)];
    await store.save(0, patternBytes(90_000, 4));
    await store.save(1, expected[1]);
    await store.save(0, expected[0]);
    await store.close();
    const again = await reopen?.();
    if (again === undefined) return;
    try {
      await assertSlots(again, expected, "opened again");
      const next = patternBytes(120_000, 5);
      await again.save(1, next);
      await assertSlots(again, [expected[0], next], "saved again");
    } finally {
      await again.close();
    }
  });

  test("closing again is harmless, at once or later", async ({ store }) => {
    await store.save(0, patternBytes(10));
    await Promise.all([store.close(), store.close()]);
    await store.close();
    await store[Symbol.asyncDispose]();
  });
}

/** What follows the saved bytes in a slot is undefined. */
async function assertSlots(
  store: MapStore,
  expected: readonly [Uint8Array, Uint8Array],
  when: string,
): Promise<void> {
  const slots = await store.load();
  for (const slot of [0, 1] as const) {
    const { length } = expected[slot];
    assertBytes(slots[slot].subarray(0, length), expected[slot], `slot ${slot} ${when}`);
  }
}
