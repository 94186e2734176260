import type { EventLog } from "./event-log.ts";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";

/** What every part of a simulated life shares. */
export interface Scene {
  readonly timeline: Timeline;
  readonly log: EventLog;
  /** To be called with what must never be seen. */
  report(problem: string): void;
  /** Ends the simulation if anything was reported. */
  check(): void;
}

/** How a device is, in good and bad times. */
export interface Temper {
  /** Of one operation, in milliseconds, as a mean. */
  readonly latencyMs: number;
  /** The probability that an operation fails. */
  readonly faults: number;
}

/** How long an operation takes: usually about the mean, now and then much longer. */
export function delayOf(temper: Temper, random: Random): number {
  const usual = temper.latencyMs * 2 * random.fraction();
  return random.chance(0.03) ? usual * 20 : usual;
}
