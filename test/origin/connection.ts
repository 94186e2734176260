import { once } from "node:events";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, headOf, seedOf } from "./answer.ts";
import { contentOf } from "./content.ts";
import type { Behaviour } from "./rules.ts";

/** The bytes are made and written so many at a time. */
const PIECE_SIZE = 64 * 2 ** 10;

/** Thrown where the connection is over, by the other side or by a rule. */
export class ConnectionOver extends Error {}

/** Keeps the rate of one connection over all its answers. */
export class Pace {
  #readyAt = 0;

  /** Waits until `bytes` more may leave. */
  async take(bytes: number, bytesPerSecond: number | undefined): Promise<void> {
    if (bytesPerSecond === undefined) return;
    const now = performance.now();
    const waitMs = this.#readyAt - now;
    this.#readyAt = Math.max(this.#readyAt, now) + (bytes / bytesPerSecond) * 1000;
    // A timer is good to about a millisecond; what it is late is made up for by the next.
    if (waitMs > 1) await sleep(waitMs);
  }
}

/** Writes one answer, with the faults that the behaviour asks for. */
export async function writeAnswer(
  socket: Socket,
  answer: Answer,
  behaviour: Behaviour,
  pace: Pace,
  count: (bytes: number) => void,
): Promise<void> {
  const { latencyMs = 0, silence, chunked = false, cut } = behaviour;
  if (latencyMs > 0) await sleep(latencyMs);
  if (silence !== undefined) return breakOff(socket, silence);
  await write(socket, headOf(answer));

  let left = cut?.after ?? Number.POSITIVE_INFINITY;
  for (const piece of piecesOf(answer, behaviour)) {
    const bytes = piece.subarray(0, left);
    left -= bytes.length;
    if (bytes.length > 0) {
      await pace.take(bytes.length, behaviour.bytesPerSecond);
      if (socket.destroyed) throw new ConnectionOver();
      count(bytes.length);
      if (chunked) socket.write(`${bytes.length.toString(16)}\r\n`);
      await write(socket, bytes);
      if (chunked) socket.write("\r\n");
      if (behaviour.trickle !== undefined) await sleep(behaviour.trickle.everyMs);
    }
    if (left === 0) break;
  }
  if (cut !== undefined && (cut.how !== "end" || !chunked)) return breakOff(socket, cut.how);
  if (chunked) await write(socket, "0\r\n\r\n");
}

/** The body and what follows it. */
function* piecesOf(answer: Answer, behaviour: Behaviour): Generator<Uint8Array, void, undefined> {
  const { body, seed } = answer;
  if (typeof body === "string") {
    yield Buffer.from(body);
    return;
  }
  const { changeAt = Number.POSITIVE_INFINITY, surplus = 0 } = behaviour;
  const size = behaviour.trickle?.bytes ?? PIECE_SIZE;
  const end = body.offset + body.length + surplus;
  let at = body.offset;
  while (at < end) {
    const limit = at < changeAt ? Math.min(end, changeAt) : end;
    const length = Math.min(size, limit - at);
    yield contentOf(at < changeAt ? seed : seedOf(seed, 1), at, length);
    at += length;
  }
}

async function breakOff(socket: Socket, how: "reset" | "stall" | "end"): Promise<never> {
  if (how === "stall") await once(socket, "close");
  else if (how === "end") socket.end();
  else {
    // What was written before leaves first: a reset drops what is still in the send buffer.
    if (socket.writableLength > 0) await once(socket, "drain");
    await sleep(20);
    socket.resetAndDestroy();
  }
  throw new ConnectionOver();
}

async function write(socket: Socket, data: Uint8Array | string): Promise<void> {
  if (socket.destroyed) throw new ConnectionOver();
  if (socket.write(data)) return;
  const over = new AbortController();
  const close = (): void => over.abort(new ConnectionOver());
  socket.once("close", close);
  try {
    await once(socket, "drain", { signal: over.signal });
  } catch {
    throw new ConnectionOver();
  } finally {
    socket.off("close", close);
  }
}
