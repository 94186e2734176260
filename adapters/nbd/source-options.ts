import { checkCount } from "../../lib/index.ts";

/** The client's side of TLS, in PEM. */
export interface NbdTlsOptions {
  /** Trusted instead of the authorities that come with Node. */
  ca?: string | Uint8Array;
  /** The client's certificate and key, where the server wants them. */
  cert?: string | Uint8Array;
  key?: string | Uint8Array;
  /** Of the key. */
  passphrase?: string;
}

export interface NbdOptions {
  /**
   * Names the version of the content, where you know one: a release, a digest, a snapshot. NBD
   * itself has nothing that changes when the bytes do. A half-done copy goes on only with the
   * name that it was begun with.
   */
  identity?: string;
  /**
   * Goes on with a half-done copy though nothing tells whether the content is still the same but
   * its size. Default false.
   */
  allowUnvalidated?: boolean;
  /**
   * For `nbds:`. What the URI's `tls-certificates` folder holds is taken for what is missing here.
   */
  tls?: NbdTlsOptions;
  /**
   * Connections at most for reads that somebody waits for, and for all others. Default 2 and 4
   * where the server says that a client may have several (`NBD_FLAG_CAN_MULTI_CONN`), and one for
   * all otherwise: many a server lets a second one wait until the first has gone. What is given
   * here is taken whatever the server says; for an export that nobody writes it is safe.
   */
  demandConnections?: number;
  backgroundConnections?: number;
  /** For a connection with its whole handshake. Default 10000. */
  connectTimeoutMs?: number;
  /** A connection that brings no answer, and less than 1 KiB, in this time is given up. 30000. */
  stallTimeoutMs?: number;
}

/** The options with their defaults, checked. */
export interface NbdSettings {
  readonly identity: string | undefined;
  readonly allowUnvalidated: boolean;
  readonly tls: NbdTlsOptions;
  /** At most; undefined where the server decides. */
  readonly connections: { readonly demand: number; readonly background: number } | undefined;
  readonly connectTimeoutMs: number;
  readonly stallTimeoutMs: number;
}

/** Where the server lets a client have several. */
export const DEFAULT_CONNECTIONS = { demand: 2, background: 4 } as const;

/** @throws {TypeError | RangeError} when an option makes no sense. */
export function checkOptions(options: NbdOptions): NbdSettings {
  const { identity, allowUnvalidated = false, tls = {} } = options;
  const { demandConnections, backgroundConnections } = options;
  const { connectTimeoutMs = 10_000, stallTimeoutMs = 30_000 } = options;
  if (identity !== undefined && !/^[^"\p{Cc}]+$/u.test(identity)) {
    throw new TypeError("identity has a character that is not allowed, or none");
  }
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw new TypeError("tls.cert and tls.key are given together");
  }
  const { demand, background } = DEFAULT_CONNECTIONS;
  const isTold = demandConnections !== undefined || backgroundConnections !== undefined;
  const connections = {
    demand: checkCount("demandConnections", demandConnections ?? demand),
    background: checkCount("backgroundConnections", backgroundConnections ?? background),
  };
  return {
    identity,
    allowUnvalidated,
    tls,
    connections: isTold ? connections : undefined,
    connectTimeoutMs: checkTimeout("connectTimeoutMs", connectTimeoutMs),
    stallTimeoutMs: checkTimeout("stallTimeoutMs", stallTimeoutMs),
  };
}

/** What a timer can hold. */
const MAX_TIMEOUT_MS: number = 2 ** 31 - 1;

function checkTimeout(name: string, value: number): number {
  if (checkCount(name, value) <= MAX_TIMEOUT_MS) return value;
  throw new RangeError(`${name} is ${value}; at most ${MAX_TIMEOUT_MS} is possible`);
}
