import type { OnReadOpts } from "node:net";
import { assert } from "../../lib/index.ts";

/** What one read of a socket brings at most. */
const BLOCK_SIZE: number = 256 * 2 ** 10;
/** A block with less room than this is full: reads would become small. */
const LEAST_ROOM: number = 64 * 2 ** 10;
/** Blocks kept for the reads to come. */
const MOST_SPARE = 64;

interface Block {
  readonly bytes: Buffer;
  /** How many of its bytes were received, and how many of those were given back. */
  received: number;
  returned: number;
  /** Whether nothing more is received into it. */
  full: boolean;
}

/**
 * Memory into which sockets receive, used again and again. Left to itself Node takes a new buffer
 * for each read, and the garbage collector lets up to 64 MiB of them pile up.
 *
 * A block is used again when every byte that was received into it was given back. Where one was
 * not, because it was part of a header or somebody keeps it, the block is left to the garbage
 * collector.
 */
export class ReceiveMemory {
  readonly #blocks = new WeakMap<ArrayBufferLike, Block>();
  readonly #spare: Block[] = [];

  /**
   * What a socket has to be made with to receive here. `deliver` is called with the bytes of each
   * read, and says whether more can be taken.
   */
  receiver(deliver: (bytes: Buffer) => boolean): OnReadOpts {
    let room: Buffer = Buffer.alloc(0);
    return {
      buffer: () => {
        if (room.length < LEAST_ROOM) room = this.#takeBlock();
        return room;
      },
      callback: (count) => {
        const bytes = room.subarray(0, count);
        room = room.subarray(count);
        const block = this.#blocks.get(bytes.buffer);
        assert(block !== undefined, "bytes were received into foreign memory");
        block.received += count;
        block.full = room.length < LEAST_ROOM;
        return deliver(bytes);
      },
    };
  }

  /** Takes back bytes that were delivered, or parts of them, each once. Others are ignored. */
  takeBack(pieces: readonly Uint8Array[]): void {
    for (const { buffer, length } of pieces) {
      const block = this.#blocks.get(buffer);
      if (block === undefined) continue;
      block.returned += length;
      assert(block.returned <= block.received, "bytes were given back twice");
      const isDone = block.full && block.returned === block.received;
      if (isDone && this.#spare.length < MOST_SPARE) this.#spare.push(block);
    }
  }

  #takeBlock(): Buffer {
    const bytes = this.#spare.pop()?.bytes ?? Buffer.allocUnsafeSlow(BLOCK_SIZE);
    this.#blocks.set(bytes.buffer, { bytes, received: 0, returned: 0, full: false });
    return bytes;
  }
}
