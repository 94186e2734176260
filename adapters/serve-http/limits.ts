import { checkCount } from "../../lib/index.ts";

/** What a client may cost at most. Times in milliseconds. */
export interface HttpLimits {
  /** Connections at once; more are closed. Default 256. */
  maxConnections?: number;
  /** Ranges in one request; more are answered with 416. Default 64. */
  maxRanges?: number;
  /** Requests of one connection that wait for those before them. Default 16. */
  maxPipelined?: number;
  /** For a request to arrive. Default 10 000. */
  requestTimeoutMs?: number;
  /** For a connection with nothing to do. Default 30 000. */
  idleTimeoutMs?: number;
  /** For a client that takes no bytes. Default 60 000. */
  stallTimeoutMs?: number;
  /** For answers under way when the server is closed. Default 10 000. */
  drainTimeoutMs?: number;
}

const DEFAULTS: Required<HttpLimits> = {
  maxConnections: 256,
  maxRanges: 64,
  maxPipelined: 16,
  requestTimeoutMs: 10_000,
  idleTimeoutMs: 30_000,
  stallTimeoutMs: 60_000,
  drainTimeoutMs: 10_000,
};

/** @throws {RangeError} naming the limit that is out of its range. */
export function checkLimits(given: HttpLimits = {}): Required<HttpLimits> {
  const limits = { ...DEFAULTS, ...given };
  for (const [name, value] of Object.entries(limits)) checkCount(name, value);
  return limits;
}
