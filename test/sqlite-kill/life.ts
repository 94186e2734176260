// Writes to a copy of a database while it arrives, while it gets its name and while a native driver
// takes over, and says what is committed, until it is killed or has written enough.
import { writeSync } from "node:fs";
import { FileDevice } from "../../adapters/file/index.ts";
import { type Database, openDatabase } from "../../adapters/sqlite/index.ts";
import { dieBefore } from "../ltx-kill/death.ts";

/** What one process is told to do. */
export interface Life {
  readonly original: string;
  readonly path: string;
  /** It dies before this change of its files, or at this point between statements, from 1. */
  readonly step: number;
  readonly point: number;
}

const life = JSON.parse(process.argv[2] ?? "") as Life;
const say = (word: string): void => void writeSync(1, `${word}\n`);

let points = 0;
function point(): void {
  points += 1;
  if (points === life.point) process.kill(process.pid, "SIGKILL");
}

/** Changes every row, in more pages than are held back, and the sum of all not. */
async function move(db: Database, number: number): Promise<void> {
  point();
  await db.transaction(async (transaction) => {
    await transaction.run("update moves set n = n + 1");
    point();
    await transaction.run("update accounts set balance = balance + 1 where id % 2 = 1");
    point();
    await transaction.run("update accounts set balance = balance - 1 where id % 2 = 0");
    point();
  });
  point();
  say(`committed ${number}`);
}

const changes = await dieBefore(life.step);
const source = await FileDevice.open(life.original);
const db = await openDatabase(source, life.path, { writable: true, noHydration: true });
await db.pragma("cache_size = 5");
await move(db, 1);
await move(db, 2);
await db.ensureLocal();
say("local");
await move(db, 3);
while (db.driver === "wasm") await db.get("select 1");
say("native");
await move(db, 4);
await move(db, 5);
await db.close();
await source.close();
say(`closed ${changes()} ${points}`);
