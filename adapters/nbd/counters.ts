/** What a server has done since it began. */
export interface NbdStats {
  /** Connections now, those in their handshake included. */
  readonly connections: number;
  /** Connections so far. */
  readonly accepted: number;
  /** Connections that were not let in because there were too many. */
  readonly refused: number;
  readonly requests: number;
  /** Requests that were answered with an error. */
  readonly errors: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** The same, to be counted up. */
export type Counters = { -readonly [Name in Exclude<keyof NbdStats, "connections">]: number };

export function newCounters(): Counters {
  return { accepted: 0, refused: 0, requests: 0, errors: 0, bytesRead: 0, bytesWritten: 0 };
}
