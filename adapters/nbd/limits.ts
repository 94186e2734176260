import { checkCount } from "../../lib/index.ts";

/** What a client may cost at most. Sizes in bytes. */
export interface NbdLimits {
  /** Of one read or write; told to clients. Default 32 MiB, which they may rely on. */
  maxPayload?: number;
  /** Connections at once; more are refused. Default 64. */
  maxConnections?: number;
  /** Requests of a connection that wait for the clone. More are read when one of them is done. */
  requestsInFlight?: number;
  /** Bytes of these requests: none is begun while it is reached. Default 64 MiB. */
  bytesInFlight?: number;
  /** Replies that the client has not taken: no request is begun while more wait. Default 8 MiB. */
  unsentBytes?: number;
  /** Options that a client may send before it chooses an export. Default 1024. */
  maxOptions?: number;
  /** Of one option. Default 64 KiB. */
  maxOptionLength?: number;
  /** From the connection to the choice of an export, TLS included. Default 30 000. */
  handshakeTimeoutMs?: number;
  /** For a client that stopped in the middle of a request, or does not take replies: 60 000. */
  stallTimeoutMs?: number;
  /** For requests in flight when the server is closed. Default 10 000. */
  drainTimeoutMs?: number;
}

/** @throws {RangeError} naming the limit that is out of its range. */
export function checkLimits(given: NbdLimits = {}): Required<NbdLimits> {
  const limits = { ...DEFAULTS, ...given };
  for (const [name, value] of Object.entries(limits)) checkCount(name, value);
  if (limits.maxPayload > LARGEST_PAYLOAD || limits.maxPayload < SMALLEST_PAYLOAD) {
    const range = `${SMALLEST_PAYLOAD} to ${LARGEST_PAYLOAD}`;
    throw new RangeError(`maxPayload is ${limits.maxPayload}; it must be ${range}`);
  }
  return limits;
}

const SMALLEST_PAYLOAD = 4096;
const LARGEST_PAYLOAD: number = 2 ** 30;

const DEFAULTS: Required<NbdLimits> = {
  maxPayload: 32 * 2 ** 20,
  maxConnections: 64,
  requestsInFlight: 256,
  bytesInFlight: 64 * 2 ** 20,
  unsentBytes: 8 * 2 ** 20,
  maxOptions: 1024,
  maxOptionLength: 64 * 2 ** 10,
  handshakeTimeoutMs: 30_000,
  stallTimeoutMs: 60_000,
  drainTimeoutMs: 10_000,
};
