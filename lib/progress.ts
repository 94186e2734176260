import { abortable } from "./abortable.ts";
import type { ProgressOptions } from "./clone-options.ts";
import type { ByteRange } from "./device.ts";
import type { Engine } from "./engine.ts";
import { hydratedBytes } from "./local-ranges.ts";
import type { Progress } from "./status.ts";

/** The rate is that of so many milliseconds past. */
const RATE_WINDOW_MS = 5000;

/** One report now, one every so often, and the last when all of it is here or cannot come. */
export async function* progress(
  clone: { readonly engine: Engine; readonly isClosed: boolean },
  intervalMs: number,
  { signal, ranges }: ProgressOptions,
): AsyncGenerator<Progress, void, undefined> {
  const samples: { at: number; bytes: number }[] = [];
  while (true) {
    const { engine } = clone;
    const { ledger, hydration } = engine;
    const { clock } = engine.behavior;
    const { size, hydrated } = measure(engine, ranges);
    const { state } = hydration;
    const now = clock.now();
    samples.push({ at: now, bytes: hydrated });
    while (samples.length > 2 && now - (samples[0]?.at ?? now) > RATE_WINDOW_MS) samples.shift();
    const oldest = samples[0] ?? { at: now, bytes: hydrated };
    const elapsed = now - oldest.at;
    const rate = elapsed > 0 ? ((hydrated - oldest.bytes) / elapsed) * 1000 : 0;
    yield {
      percent: size === 0 ? 100 : (hydrated / size) * 100,
      hydratedBytes: hydrated,
      size,
      bytesPerSecond: rate,
      etaMs: rate > 0 ? ((size - hydrated) / rate) * 1000 : undefined,
      requests: ledger.requests,
      bytesFetched: ledger.bytesFetched,
      state,
    };
    if (state === "complete" || state === "stalled" || clone.isClosed) return;
    if (ranges !== undefined && hydrated === size) return;
    const tick = new AbortController();
    try {
      const slept = clock.sleep(intervalMs, tick.signal).catch(() => {});
      await abortable(Promise.race([slept, engine.nextChange()]), signal);
    } finally {
      tick.abort();
    }
  }
}

/** How much there is of the ranges, or of the whole, and how much of that is local. */
function measure(
  engine: Engine,
  ranges: readonly ByteRange[] | undefined,
): { size: number; hydrated: number } {
  const { geometry } = engine;
  if (ranges === undefined) {
    return { size: geometry.size, hydrated: hydratedBytes(engine, 0, geometry.size) };
  }
  const total = { size: 0, hydrated: 0 };
  let end = 0; // of what was counted: what overlaps counts once
  for (const range of [...ranges].sort((one, other) => one.offset - other.offset)) {
    const offset = Math.max(end, range.offset);
    const length = geometry.clip(offset, range.offset + range.length - offset);
    total.size += length;
    total.hydrated += hydratedBytes(engine, offset, length);
    end = Math.max(end, offset + length);
  }
  return total;
}
