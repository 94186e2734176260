// The numbers of the NBD protocol, as both sides send them: big-endian, from
// https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md

/** "NBDMAGIC": the first 8 bytes that a server sends. */
export const GREETING_MAGIC = 0x4e42444d41474943n;
/** "IHAVEOPT": follows the greeting, and begins each option of a client. */
export const OPTION_MAGIC = 0x49484156454f5054n;
export const OPTION_REPLY_MAGIC = 0x0003e889045565a9n;
export const REQUEST_MAGIC = 0x25609513;
export const SIMPLE_REPLY_MAGIC = 0x67446698;
export const STRUCTURED_REPLY_MAGIC = 0x668e33ef;

/** Bytes of a request without its payload, and of the two kinds of reply without theirs. */
export const REQUEST_SIZE = 28;
export const SIMPLE_REPLY_SIZE = 16;
export const STRUCTURED_REPLY_SIZE = 20;

/** Handshake flags, the same numbers on both sides. */
export const FIXED_NEWSTYLE = 1;
export const NO_ZEROES = 2;

export const OPTION = {
  exportName: 1,
  abort: 2,
  list: 3,
  startTls: 5,
  info: 6,
  go: 7,
  structuredReply: 8,
  listMetaContext: 9,
  setMetaContext: 10,
  extendedHeaders: 11,
} as const;

export const OPTION_REPLY = {
  ack: 1,
  server: 2,
  info: 3,
  metaContext: 4,
  errUnsupported: 0x80000001,
  errPolicy: 0x80000002,
  errInvalid: 0x80000003,
  errPlatform: 0x80000004,
  errTlsRequired: 0x80000005,
  errUnknown: 0x80000006,
  errShutdown: 0x80000007,
  errBlockSizeRequired: 0x80000008,
  errTooBig: 0x80000009,
} as const;

export const INFO = { export: 0, name: 1, description: 2, blockSize: 3 } as const;

export const TRANSMISSION_FLAG = {
  hasFlags: 0x1,
  readOnly: 0x2,
  sendFlush: 0x4,
  sendFua: 0x8,
  rotational: 0x10,
  sendTrim: 0x20,
  sendWriteZeroes: 0x40,
  sendDontFragment: 0x80,
  canMultiConn: 0x100,
  sendResize: 0x200,
  /** NBD_FLAG_SEND_CACHE. */
  sendPrefetch: 0x400,
  sendFastZero: 0x800,
} as const;

export const COMMAND = {
  read: 0,
  write: 1,
  disconnect: 2,
  flush: 3,
  trim: 4,
  /** NBD_CMD_CACHE. */
  prefetch: 5,
  writeZeroes: 6,
  blockStatus: 7,
} as const;

export const COMMAND_FLAG = {
  fua: 0x1,
  noHole: 0x2,
  dontFragment: 0x4,
  requestOne: 0x8,
  fastZero: 0x10,
} as const;

/** The last reply of a request carries this flag. */
export const REPLY_DONE = 1;

export const REPLY_TYPE = {
  none: 0,
  offsetData: 1,
  offsetHole: 2,
  blockStatus: 5,
  error: 0x8001,
  errorOffset: 0x8002,
} as const;

/** Errors of the transmission phase: Linux's numbers, on every system. */
export const NBD_ERROR = {
  notPermitted: 1,
  inputOutput: 5,
  noMemory: 12,
  invalid: 22,
  noSpace: 28,
  overflow: 75,
  notSupported: 95,
  shutdown: 108,
} as const;

/** What `base:allocation` says of an extent. */
export const ALLOCATION = { hole: 1, zero: 2 } as const;

/** The longest string that either side may send, in bytes. */
export const MAX_STRING = 4096;
/** What every server must take in one request where it named no other limit, in bytes. */
export const MAX_PAYLOAD: number = 32 * 2 ** 20;
/** Where an `nbd:` URI names no port. */
export const DEFAULT_PORT = 10809;
