import type { Refusal } from "./errors.ts";
import type { Export } from "./export-table.ts";
import { COMMAND, COMMAND_FLAG, NBD_ERROR, REQUEST_MAGIC, REQUEST_SIZE } from "./protocol.ts";
import type { Cookie } from "./reply-writer.ts";

/** A request as it came; nothing of it is checked yet. */
export interface Request extends Cookie {
  /** One of `COMMAND`, or another number. */
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly length: number;
}

/** What both sides agreed on before the first request. */
export interface Terms {
  readonly export: Export;
  readonly structured: boolean;
  /** Whether a metadata context was chosen. */
  readonly hasContexts: boolean;
  readonly maxPayload: number;
}

/** The request whose `REQUEST_SIZE` bytes begin at `at`; undefined when they are not one. */
export function parseRequest(bytes: Buffer, at: number): Request | undefined {
  if (bytes.readUInt32BE(at) !== REQUEST_MAGIC) return undefined;
  return {
    flags: bytes.readUInt16BE(at + 4),
    type: bytes.readUInt16BE(at + 6),
    high: bytes.readUInt32BE(at + 8),
    low: bytes.readUInt32BE(at + 12),
    offset: bytes.readUInt32BE(at + 16) * 2 ** 32 + bytes.readUInt32BE(at + 20),
    length: bytes.readUInt32BE(at + REQUEST_SIZE - 4),
  };
}

/** What a command may ask for. */
interface Rule {
  readonly flags: number;
  readonly changes: boolean;
  /** What it is answered with where it goes past the end. */
  readonly pastEnd: number;
}

const { fua, noHole, dontFragment, requestOne, fastZero } = COMMAND_FLAG;
const { invalid, noSpace } = NBD_ERROR;

/** FUA is allowed everywhere, and means something where data changes. */
const RULES: Readonly<Record<number, Rule>> = {
  [COMMAND.read]: { flags: fua | dontFragment, changes: false, pastEnd: invalid },
  [COMMAND.write]: { flags: fua, changes: true, pastEnd: noSpace },
  [COMMAND.flush]: { flags: fua, changes: false, pastEnd: invalid },
  [COMMAND.trim]: { flags: fua, changes: true, pastEnd: invalid },
  [COMMAND.prefetch]: { flags: fua, changes: false, pastEnd: invalid },
  [COMMAND.writeZeroes]: { flags: fua | noHole | fastZero, changes: true, pastEnd: noSpace },
  [COMMAND.blockStatus]: { flags: fua | requestOne, changes: false, pastEnd: invalid },
};

/** Why a request is not even tried; undefined where it may be. On the path of every read. */
export function refusalFor(request: Request, terms: Terms): Refusal | undefined {
  const { type, flags, offset, length } = request;
  const { device, readOnly } = terms.export;
  const rule = RULES[type];
  if (rule === undefined) return { error: invalid, message: `no command ${type}` };
  if ((flags & ~rule.flags) !== 0) return { error: invalid, message: `no such flags: ${flags}` };
  if (rule.changes && (readOnly || device.mode !== "read-write")) {
    return { error: NBD_ERROR.notPermitted, message: "this export is read-only" };
  }
  if (type === COMMAND.flush) {
    if (offset === 0 && length === 0) return undefined;
    return { error: invalid, message: "a flush has no offset and no length" };
  }
  if (length === 0) return { error: invalid, message: "a length of 0" };
  if (offset + length > device.size) {
    const message = `${length} bytes at ${offset} go past the end at ${device.size}`;
    return { error: rule.pastEnd, message };
  }
  return refusalByKind(request, terms);
}

function refusalByKind({ type, flags, length }: Request, terms: Terms): Refusal | undefined {
  if (type === COMMAND.read) {
    if ((flags & dontFragment) !== 0 && !terms.structured) {
      return { error: invalid, message: "DF needs structured replies" };
    }
    if (length <= terms.maxPayload) return undefined;
    const message = `a read takes ${terms.maxPayload} bytes at most`;
    return { error: (flags & dontFragment) === 0 ? invalid : NBD_ERROR.overflow, message };
  }
  if (type === COMMAND.writeZeroes && (flags & fastZero) !== 0) {
    return { error: NBD_ERROR.notSupported, message: "zeroes are no faster than other data" };
  }
  if (type === COMMAND.blockStatus && !terms.hasContexts) {
    return { error: invalid, message: "no metadata context was chosen" };
  }
  return undefined;
}
