// Takes a lock over and over, as test/lock.test.ts asks: node lock-racer.js <folder> <rounds>
import { readlinkSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { FileLock } from "../adapters/file/lock.ts";
import { identifyProcess, lookUpProcess } from "../adapters/file/process-identity.ts";
import { isHeadwaterError } from "../lib/errors.ts";

let lives = 0;

/**
 * Takes the lock of the folder as often as it can in so many tries. Mostly it then leaves it as if
 * it had died, so that the next one has to replace it. Resolves to how often it had the lock.
 *
 * @throws {Error} when somebody else had it too.
 */
export async function race(folder: string, rounds: number): Promise<number> {
  const lock = `${folder}/lock`;
  let wins = 0;
  for (let round = 0; round < rounds; round += 1) {
    try {
      const held = await FileLock.acquire(lock);
      wins += 1;
      await useAlone(`${folder}/inside`);
      if (round % 5 === 0) await held.release();
      else dieHolding(lock);
    } catch (error) {
      if (!isHeadwaterError(error, "LOCKED")) throw error;
      await turn();
    }
  }
  return wins;
}

/** The marker goes with whoever is inside. */
async function useAlone(marker: string): Promise<void> {
  lives += 1;
  const me = `${process.pid} ${lives}`;
  try {
    symlinkSync(me, marker);
  } catch {
    const other = readlinkSync(marker);
    if (lookUpProcess(Number.parseInt(other, 10)) !== undefined) {
      throw new Error(`${me} got the lock while ${other} had it`);
    }
    unlinkSync(marker); // killed in here
    symlinkSync(me, marker);
  }
  await turn();
  await turn();
  if (readlinkSync(marker) !== me) throw new Error(`${me} was not alone`);
  unlinkSync(marker);
}

function dieHolding(lock: string): void {
  lives += 1;
  const id = `${process.pid}`.padStart(8, "0") + `${lives}`.padStart(8, "0");
  const remains = `${lock}-of-${id}`;
  writeFileSync(remains, JSON.stringify({ ...identifyProcess(), startTime: "1", id }));
  renameSync(remains, lock);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , folder = "", rounds = ""] = process.argv;
  console.log(await race(folder, Number(rounds)));
}
