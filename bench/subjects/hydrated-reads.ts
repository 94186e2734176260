import { closeSync, openSync, readSync } from "node:fs";
import { open } from "node:fs/promises";
import { hydrate } from "../../adapters/hydrate.ts";
import { BlobReader, withTarget } from "../files.ts";
import { inTurns, type Pair, seeded, summary } from "../measure.ts";
import { startOrigin } from "../origin.ts";
import { duration, KIB, MIB, type Report, type Row, type Subject } from "../report.ts";

const SIZE = 256 * MIB;
const LENGTH = 4 * KIB;
const ROUNDS = 41;
const SYNC_READS = 20_000;
const ASYNC_READS = 4_000;

function row(what: string, theirs: string, pairs: readonly Pair[], target: number): Row {
  const { ours, theirs: plain, ratio } = summary(pairs);
  return {
    what,
    ours: duration(ours),
    theirs: `${theirs}: ${duration(plain)}`,
    figure: ratio,
    target,
  };
}

/** What the layer costs once everything is local. */
export const hydratedReadsSubject: Subject = {
  letter: "f",
  title: "Hydrated reads, 4 KiB at random places",

  async run(bench): Promise<Report> {
    return await withTarget(bench.folder, async (path) => {
      await using origin = await startOrigin(bench, { size: SIZE });
      await using clone = await hydrate(origin.url, path);
      await clone.hydrated();
      const file = openSync(path, "r");
      const handle = await open(path, "r");
      using blob = new BlobReader(bench.blob);
      const random = seeded(1);
      const places = Float64Array.from(
        { length: SYNC_READS },
        () => Math.floor(random() * (SIZE / LENGTH)) * LENGTH,
      );
      const target = new Uint8Array(LENGTH);
      const each = (start: number, count: number): number =>
        (performance.now() - start) / 1000 / count;

      const oursSync = async (): Promise<number> => {
        const start = performance.now();
        for (const place of places) {
          if (clone.readIntoSync(place, target) !== LENGTH) throw new Error("not local");
        }
        return each(start, SYNC_READS);
      };
      const plainSync = async (): Promise<number> => {
        const start = performance.now();
        for (const place of places) readSync(file, target, 0, LENGTH, place);
        return each(start, SYNC_READS);
      };
      const some = places.subarray(0, ASYNC_READS);
      const oursLater = async (): Promise<number> => {
        const start = performance.now();
        for (const place of some) await clone.read(place, LENGTH);
        return each(start, ASYNC_READS);
      };
      const plainLater = async (): Promise<number> => {
        const start = performance.now();
        for (const place of some) await handle.read(target, 0, LENGTH, place);
        return each(start, ASYNC_READS);
      };

      for (const place of some) blob.check(place, await clone.read(place, LENGTH));
      const sync = await inTurns(ROUNDS, oursSync, plainSync);
      const later = await inTurns(ROUNDS, oursLater, plainLater);
      closeSync(file);
      await handle.close();
      return {
        rows: [
          row("readIntoSync", "fs.readSync", sync, 1.15),
          row("await read", "await FileHandle.read", later, 0.5),
        ],
        notes: [
          `256 MiB in the page cache, one read at a time, ${ROUNDS} rounds in turns of ` +
            `${SYNC_READS} and ${ASYNC_READS} reads of the same places. Ours allocates in \`read\`; ` +
            "the plain ways always read into the same memory.",
        ],
      };
    });
  },
};
