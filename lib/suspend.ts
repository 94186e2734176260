import type { Access } from "./access.ts";
import type { Engine } from "./engine.ts";
import type { Rest } from "./rest.ts";

export interface SuspendContext {
  readonly access: Access;
  readonly rest: Rest;
  /** Resolves when it is known whether the stored map can be believed. */
  doubt(): Promise<void>;
}

/** Brings everything to rest. Returns what ends this suspension. */
export async function suspend(engine: Engine, context: SuspendContext): Promise<() => void> {
  const { access, rest } = context;
  access.check("read");
  const { hydration, fetcher, committer, locks, map } = engine;
  hydration.hold();
  let isAtRest = false;
  let isOver = false;
  const end = (): void => {
    if (isOver) return;
    isOver = true;
    if (isAtRest) rest.end();
    access.reopen();
    hydration.release();
  };
  try {
    await access.suspend();
    await fetcher?.idle();
    await rest.begin(locks, map.regionCount); // known zeros are being marked
    isAtRest = true;
    await hydration.finished();
    access.check("read"); // the end may have come, and nothing is stored after it
    if (access.mode === "read-write") await committer.flush();
    await committer.idle(); // a periodic commit may have come in between
    await context.doubt();
    access.check("read");
  } catch (error) {
    end();
    throw error;
  }
  return end;
}
