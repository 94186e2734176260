import { ScriptedSource } from "./scripted-source.ts";

/** A source whose pieces come when `next` is called. */
export function heldSource(
  bytes: Uint8Array,
  pieceSize: number,
): { source: ScriptedSource; next(): void; waiting(): number } {
  const turns: (() => void)[] = [];
  const pause = (): Promise<void> => new Promise((resolve) => turns.push(resolve));
  const source = new ScriptedSource(bytes, { pause, pieces: [pieceSize] });
  return { source, next: () => turns.shift()?.(), waiting: () => turns.length };
}

export async function until(isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10_000; turn += 1) {
    if (isSo()) return;
    await new Promise((done) => setImmediate(done));
  }
  throw new Error("it does not come about");
}

/** Whether it is settled after everything that can happen by itself has happened. */
export async function isOver(work: Promise<unknown>): Promise<boolean> {
  let over = false;
  const settle = (): void => {
    over = true;
  };
  work.then(settle, settle);
  await new Promise((done) => setTimeout(done, 20));
  return over;
}
