import { abortable } from "./abortable.ts";
import type { Clock } from "./clock.ts";
import type { Ledger } from "./ledger.ts";
import type { HydrationState, Progress } from "./status.ts";

/** The rate is that of so many milliseconds past. */
const RATE_WINDOW_MS = 5000;

export interface ProgressContext {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly size: number;
  hydratedBytes(): number;
  state(): HydrationState;
  /** Resolves at the next change of state, and when the clone is closed. */
  changed(): Promise<void>;
  isClosed(): boolean;
}

/** One report now, one every so often, and the last when hydration is complete or cannot go on. */
export async function* progress(
  context: ProgressContext,
  intervalMs: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Progress, void, undefined> {
  const { clock, ledger, size } = context;
  const samples: { at: number; bytes: number }[] = [];
  while (true) {
    const hydratedBytes = context.hydratedBytes();
    const state = context.state();
    const now = clock.now();
    samples.push({ at: now, bytes: hydratedBytes });
    while (samples.length > 2 && now - (samples[0]?.at ?? now) > RATE_WINDOW_MS) samples.shift();
    const oldest = samples[0] ?? { at: now, bytes: hydratedBytes };
    const elapsed = now - oldest.at;
    const rate = elapsed > 0 ? ((hydratedBytes - oldest.bytes) / elapsed) * 1000 : 0;
    yield {
      percent: size === 0 ? 100 : (hydratedBytes / size) * 100,
      hydratedBytes,
      size,
      bytesPerSecond: rate,
      etaMs: rate > 0 ? ((size - hydratedBytes) / rate) * 1000 : undefined,
      requests: ledger.requests,
      bytesFetched: ledger.bytesFetched,
      state,
    };
    if (state === "complete" || state === "stalled" || context.isClosed()) return;
    const tick = new AbortController();
    try {
      const slept = clock.sleep(intervalMs, tick.signal).catch(() => {});
      await abortable(Promise.race([slept, context.changed()]), signal);
    } finally {
      tick.abort();
    }
  }
}
