import { assert } from "../../lib/index.ts";
import type { Context } from "./contexts.ts";
import type { Export, NbdDevice } from "./export-table.ts";
import { COMMAND, COMMAND_FLAG, REPLY_TYPE } from "./protocol.ts";
import type { ReplyWriter } from "./reply-writer.ts";
import type { Request } from "./request.ts";

/** Of one context in one reply: what lies behind them is asked for again. */
const EXTENT_LIMIT = 8192;

export interface Performing {
  readonly export: Export;
  readonly contexts: readonly Context[];
  readonly replies: ReplyWriter;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/**
 * Does what a request asks for, and answers it. The request was found allowed. What the clone
 * throws is passed on, and the request then is not answered.
 *
 * @param payload the bytes of a write; of other requests nothing.
 */
export async function perform(
  request: Request,
  payload: Uint8Array | undefined,
  by: Performing,
): Promise<void> {
  const { offset, length } = request;
  const { device, readOnly } = by.export;
  const { signal } = by;
  const fua = (request.flags & COMMAND_FLAG.fua) !== 0;
  switch (request.type) {
    case COMMAND.read:
      return await read(request, device, by);
    case COMMAND.blockStatus:
      return answerStatus(request, by);
    case COMMAND.write:
      assert(payload?.length === length, `a write of ${length} bytes without them`);
      await device.write(offset, payload, { fua });
      break;
    case COMMAND.writeZeroes:
      await device.writeZeroes(offset, length, { fua });
      break;
    case COMMAND.trim:
      await device.discard(offset, length, { fua });
      break;
    case COMMAND.flush:
      // Every write that was answered, on any connection, has resolved before this.
      if (!readOnly) await device.flush();
      break;
    default:
      assert(request.type === COMMAND.prefetch, `command ${request.type} was allowed`);
      await device.hydrate({ ranges: [{ offset, length }], signal });
  }
  by.replies.done(request);
}

async function read(request: Request, device: NbdDevice, by: Performing): Promise<void> {
  const { offset, length } = request;
  const { replies, signal } = by;
  const buffer = replies.largeRoom(length);
  const { dataStart } = replies;
  // Not given back on failure: a read that was ended may still write to it.
  const got = await device.readInto(offset, buffer.subarray(dataStart, dataStart + length), {
    signal,
  });
  assert(got === length, `read ${got} of ${length} bytes at ${offset}`);
  replies.largeData(request, offset, length, buffer);
}

function answerStatus(request: Request, by: Performing): void {
  const { offset, length, flags } = request;
  const limit = (flags & COMMAND_FLAG.requestOne) === 0 ? EXTENT_LIMIT : 1;
  by.contexts.forEach((context, index) => {
    const words = [context.id];
    for (const extent of context.extents(by.export.device, offset, length)) {
      words.push(extent.length, extent.flags);
      if (words.length > 2 * limit) break;
    }
    const contents = Buffer.alloc(4 * words.length);
    words.forEach((word, at) => {
      contents.writeUInt32BE(word, 4 * at);
    });
    const isLast = index === by.contexts.length - 1;
    by.replies.part(request, REPLY_TYPE.blockStatus, contents, isLast);
  });
}
