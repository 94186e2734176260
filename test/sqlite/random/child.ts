// A process with a copy, which is asked one step after the other, and dies in the end.
import { readFileSync } from "node:fs";
import { type OpenDatabaseOptions, openDatabase } from "../../../adapters/sqlite/index.ts";
import { askSubject } from "../outcome.ts";
import type { SqlStep } from "../step.ts";
import { TroubledSource } from "../troubled-source.ts";

/** What the process is told first. */
export interface ChildStart {
  readonly original: string;
  readonly file: string;
  readonly options: OpenDatabaseOptions;
  /** Pragmas, to begin with. */
  readonly settings: string;
}

const tell = (answer: unknown): void => {
  process.send?.(answer);
};

async function start({ original, file, options, settings }: ChildStart): Promise<void> {
  const source = new TroubledSource(new Uint8Array(readFileSync(original)));
  const db = await openDatabase(source, file, options);
  await db.exec(`${settings}; pragma synchronous = normal; pragma cache_size = 10`);
  // A step each; "finish" is to bring everything, and close.
  process.on("message", async (step: SqlStep | "finish") => {
    if (step !== "finish") return tell(await askSubject(db, step));
    db.clone?.configure({ bytesPerSecond: 0 });
    await db.ensureLocal();
    await db.close();
    tell("closed");
    process.disconnect();
  });
  tell("open");
}

process.once("message", (order: ChildStart) => void start(order));
process.once("disconnect", () => process.exit()); // who has started it is gone
