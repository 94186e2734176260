import type { OnReadOpts } from "node:net";
import { ReusedMemory } from "../../lib/index.ts";

/** What one read of a socket brings at most. */
const BLOCK_SIZE: number = 256 * 2 ** 10;
/** A block with less room than this is full: reads would become small. */
const LEAST_ROOM: number = 64 * 2 ** 10;
/** Blocks kept for the reads to come. */
const MOST_SPARE = 64;

/**
 * Memory into which sockets receive, used again and again. Left to itself Node takes a new buffer
 * for each read. A block is full when what is left of it would make reads small.
 */
export class ReceiveMemory {
  readonly #memory = new ReusedMemory(BLOCK_SIZE, MOST_SPARE);

  /**
   * What a socket has to be made with to receive here. `deliver` is called with the bytes of each
   * read, and says whether more can be taken.
   */
  receiver(deliver: (bytes: Buffer) => boolean): OnReadOpts {
    let room: Uint8Array = new Uint8Array(0);
    return {
      buffer: () => {
        if (room.length < LEAST_ROOM) room = this.#memory.take();
        return room;
      },
      callback: (count) => {
        const bytes = Buffer.from(room.buffer, room.byteOffset, count);
        room = room.subarray(count);
        this.#memory.handOut(bytes, count, room.length < LEAST_ROOM);
        return deliver(bytes);
      },
    };
  }

  /** Takes back bytes that were delivered, or parts of them, each once. Others are ignored. */
  takeBack(pieces: readonly Uint8Array[]): void {
    this.#memory.takeBack(pieces);
  }
}
