import { randomBytes } from "node:crypto";
import { link, open, readdir, readFile, rename, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { HeadwaterError, isHeadwaterError } from "../../lib/index.ts";
import { fileError, hasCode } from "./file-error.ts";
import { LINKS_UNSUPPORTED, remove } from "./names.ts";
import { identifyProcess, isProvablyDead, type ProcessIdentity } from "./process-identity.ts";

/** Who holds a lock, as its file says. */
export interface LockHolder extends ProcessIdentity {
  /** Another one for each lock that was ever taken. */
  readonly id: string;
}

/** Whose a lock is, as somebody sees it who does not want it. */
export interface LockState {
  /** Undefined where the lock cannot be read. */
  readonly holder: LockHolder | undefined;
  /** Whether the process is provably gone. One that cannot be seen from here is not. */
  readonly isDead: boolean;
}

/** Looks at a lock without taking it. Resolves to undefined where there is none. */
export async function lookAtLock(path: string): Promise<LockState | undefined> {
  try {
    const holder = await readHolder(path);
    if (holder === undefined) return undefined;
    return { holder, isDead: isProvablyDead(holder, identifyProcess()) };
  } catch (error) {
    if (isHeadwaterError(error, "LOCKED")) return { holder: undefined, isDead: false };
    throw fileError("DESTINATION_FAILED", `cannot look at the lock ${path}`, error);
  }
}

/**
 * A file that says which process owns what lies beside it.
 *
 * A lock of a dead process is replaced, never removed first: whoever replaces the lock with the id
 * x first takes, in the same way, the lock named `<path>.x`, and then looks again. There is only
 * one such process at a time, and x never comes back; so between that look and the rename nobody
 * else changes the lock.
 */
export class FileLock {
  readonly path: string;
  readonly #id: string;
  #release: Promise<void> | undefined;

  private constructor(path: string, id: string) {
    this.path = path;
    this.#id = id;
  }

  /**
   * @param self of what process; for tests.
   * @throws {HeadwaterError} `LOCKED` when a process owns it that is not provably dead, or this one
   *   does already.
   */
  static async acquire(path: string, self: ProcessIdentity = identifyProcess()): Promise<FileLock> {
    const holder: LockHolder = { ...self, id: randomBytes(8).toString("hex") };
    const draft = `${path}.${holder.id}.draft`;
    try {
      await writeWhole(draft, holder);
      const replaced = await take(path, { lock: path, draft, holder });
      if (replaced) await sweep(path, self);
      return new FileLock(path, holder.id);
    } catch (error) {
      throw fileError("DESTINATION_FAILED", `cannot lock ${path}`, error);
    } finally {
      await remove(draft);
    }
  }

  /** Lets the next one in. Calling it again is harmless. */
  release(): Promise<void> {
    this.#release ??= this.#remove();
    return this.#release;
  }

  async #remove(): Promise<void> {
    // Somebody may have removed it by hand, and another process has taken it since.
    if ((await readHolder(this.path))?.id === this.#id) await remove(this.path);
  }
}

/** Somebody's try to own a lock. */
interface Attempt {
  readonly lock: string;
  /** A file with what the lock is to say. */
  readonly draft: string;
  readonly holder: LockHolder;
}

/**
 * Takes the lock, or the turn to replace it, that has the name `path`. Resolves to whether a dead
 * process had to be replaced.
 */
async function take(path: string, attempt: Attempt): Promise<boolean> {
  while (true) {
    if (await linkNew(attempt.draft, path)) return false;
    const holder = await readHolder(path);
    if (holder === undefined) continue; // released meanwhile
    if (!isProvablyDead(holder, attempt.holder)) throw lockedBy(holder, attempt);

    const turn = `${path}.${holder.id}`;
    await take(turn, attempt);
    if ((await readHolder(path))?.id === holder.id) {
      await rename(turn, path); // the file says who we are: replaces the lock and ends the turn
      return true;
    }
    await unlink(turn); // another one was faster
  }
}

/** A lock is never seen half-written, not even after a power failure. */
async function writeWhole(path: string, holder: LockHolder): Promise<void> {
  const file = await open(path, "wx");
  try {
    await file.writeFile(`${JSON.stringify(holder, undefined, 2)}\n`);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Gives a file one more name. Resolves to false when the name is taken. */
async function linkNew(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    if (!hasCode(error, ...LINKS_UNSUPPORTED)) throw error;
    return copyNew(from, to);
  }
}

/** For file systems without links. One who looks too early cannot read it, and stays away. */
async function copyNew(from: string, to: string): Promise<boolean> {
  try {
    const file = await open(to, "wx");
    try {
      await file.writeFile(await readFile(from));
      await file.datasync();
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  }
}

/** Resolves to undefined when there is no lock. */
async function readHolder(path: string): Promise<LockHolder | undefined> {
  let text = "";
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
  const holder = parseHolder(text);
  if (holder !== undefined) return holder;
  throw new HeadwaterError(
    "LOCKED",
    `${path} is not a lock that this release can read; delete it if no process uses the copy`,
  );
}

function parseHolder(text: string): LockHolder | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const holder = value as Partial<LockHolder> | null;
  const { id, host, machineId, bootId, pidNamespace, pid, startTime } = holder ?? {};
  const texts = [host, machineId, bootId, pidNamespace, startTime];
  const whole = Number.isSafeInteger(pid) && texts.every((text) => typeof text === "string");
  // The id becomes part of a file name.
  return whole && /^[0-9a-f]{16}$/.test(String(id)) ? (holder as LockHolder) : undefined;
}

function lockedBy(holder: LockHolder, { lock, holder: self }: Attempt): HeadwaterError {
  const here = (["bootId", "host", "pidNamespace"] as const).every(
    (name) => holder[name] === self[name],
  );
  const mine = here && holder.pid === self.pid && holder.startTime === self.startTime;
  const who = mine ? "this process" : `process ${holder.pid} on host ${holder.host}`;
  const then = here
    ? "close it there first"
    : `if that process runs no more, delete ${lock} and try again`;
  return new HeadwaterError("LOCKED", `${lock}: ${who} has this copy open; ${then}`);
}

/**
 * Removes what processes left that died while they took this lock. Only for the one that holds it:
 * as long as it lives, nobody's turn comes to anything.
 */
async function sweep(path: string, self: ProcessIdentity): Promise<void> {
  const folder = dirname(path);
  const names = await readdir(folder);
  for (const name of names.filter((name) => name.startsWith(`${basename(path)}.`))) {
    const holder = await readHolder(join(folder, name)).catch(() => undefined);
    if (holder !== undefined && isProvablyDead(holder, self)) {
      await remove(join(folder, name));
    }
  }
}
