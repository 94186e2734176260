import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { askWithDrizzle } from "./sqlite/builders/drizzle.ts";
import { askWithKysely } from "./sqlite/builders/kysely.ts";
import { LIBRARY_SQL } from "./sqlite/builders/library.ts";
import type { BuilderOrder } from "./sqlite/builders/worker.ts";
import { copiesOf } from "./sqlite/copies.ts";
import { findNative } from "./sqlite/native.ts";

const test = suite("query builders on a database that arrives, and on better-sqlite3");

const copies = copiesOf(LIBRARY_SQL, "pragma page_size = 1024;");
const Native = findNative();

/** Bytes are the same in whatever class of arrays they come. */
function plain(told: unknown): unknown {
  return JSON.parse(
    JSON.stringify(told, (_, value: unknown) => {
      if (typeof value === "bigint") return `${value}n`;
      if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
      const { type, data } = (value ?? {}) as { type?: string; data?: number[] };
      return type === "Buffer" ? Buffer.from(data ?? []).toString("hex") : value;
    }),
  );
}

for (const builder of ["kysely", "drizzle"] as const) {
  test(`${builder} is told the same`, async () => {
    if (copies === undefined || Native === undefined) return;
    const file = join(copies.folder, `${builder}.db`);
    writeFileSync(file, copies.bytes);
    const native = new Native(file);
    const ask = builder === "kysely" ? askWithKysely : askWithDrizzle;
    const wanted = plain(await ask(native as never));

    await using copy = await copies.open({ writable: true, noHydration: true, native: "off" });
    const handle = copy.db.handle();
    const worker = new Worker(new URL("./sqlite/builders/worker.js", import.meta.url), {
      workerData: { handle, builder } satisfies BuilderOrder,
      transferList: [handle.calls.port],
    });
    const [told] = await once(worker, "message");
    await worker.terminate();
    assert.equal(plain(told), wanted);
    assert.ok(JSON.stringify(wanted).length > 3000, "it was told much");
    assert.is(await copy.db.pragma("integrity_check", { simple: true }), "ok");
  });
}

test.run();
