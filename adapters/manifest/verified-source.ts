import {
  type ByteRange,
  type ChangesOptions,
  CheckedSource,
  type Geometry,
  HeadwaterError,
  isHeadwaterError,
  joinPieces,
  type ReadOptions,
  type SourceChanges,
  type SourceDevice,
} from "../../lib/index.ts";
import { BlockDigests, type DigestedBlock } from "./block-digests.ts";
import { rootOf, verifiedIdentity } from "./identity.ts";
import type { Manifest } from "./manifest.ts";
import { joined, wrongBlocks } from "./wrong-blocks.ts";
import { zeroBlocks } from "./zero-blocks.ts";

export interface VerifiedParts {
  readonly inner: SourceDevice;
  readonly manifest: Manifest;
  /** Of a former version, which a copy may be of. */
  readonly former?: Manifest;
  /** Opens what there is now, once this version of the source can no longer be had. */
  readonly successor?: (former: Manifest, signal?: AbortSignal) => Promise<VerifiedSource>;
  /** Lets go of all, as far as they are ours. */
  close(): Promise<void>;
}

/**
 * A source of which every byte was verified before anybody has it: whole blocks are fetched, and
 * one with another digest than the manifest's is never handed on.
 */
export class VerifiedSource implements SourceDevice {
  readonly size: number;
  readonly identity: string;
  readonly strongIdentity = true;
  readonly blockSize: number;
  readonly opened?: ByteRange;
  readonly manifest: Manifest;
  readonly successor?: (options?: { signal?: AbortSignal }) => Promise<VerifiedSource>;
  readonly #former: Manifest | undefined;
  readonly #inner: CheckedSource;
  readonly #blocks: Geometry;
  readonly #close: () => Promise<void>;
  #closing: Promise<void> | undefined;

  constructor({ inner, manifest, former, successor, close }: VerifiedParts) {
    this.size = manifest.size;
    this.identity = verifiedIdentity(inner.identity, manifest.root);
    this.blockSize = manifest.blockSize;
    this.manifest = manifest;
    this.#inner = new CheckedSource(inner);
    this.#blocks = manifest.blocks;
    this.#close = close;
    this.#former = former;
    if (successor !== undefined) {
      this.successor = (options) => successor(manifest, options?.signal);
    }
    // What is not whole blocks cannot be verified by itself, and is left where it is.
    const { opened } = inner;
    if (opened !== undefined && isSame(opened, this.#outward(opened))) this.opened = opened;
  }

  read(offset: number, length: number, options?: ReadOptions): Promise<Uint8Array> {
    const pieces = this.stream(offset, length, options);
    return joinPieces(pieces, offset, length, (piece) => this.release(piece));
  }

  /**
   * @throws {HeadwaterError} `DIGEST_MISMATCH` for a block that is not as the manifest says; what the
   *   source and the manifest throw.
   */
  async *stream(
    offset: number,
    length: number,
    options: ReadOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#closing !== undefined) throw new HeadwaterError("CLOSED", "the source is closed");
    if (this.#blocks.clip(offset, length) < length) {
      throw new RangeError(`${length} bytes at ${offset} are not inside ${this.size}`);
    }
    if (length === 0) return;
    const range = this.#outward({ offset, length });
    const first = this.#blocks.regionAt(range.offset);
    // Where it must be read first, that goes on side by side with the source.
    this.manifest.digestOf(first).catch(() => {}); // asked for again below
    const digests = new BlockDigests(this.#blocks, first);
    for await (const piece of this.#inner.stream(range.offset, range.length, options)) {
      for await (const block of digests.add(piece)) {
        await this.#check(block);
        const { offset: start } = this.manifest.rangeOf(block.block);
        yield* within(block.pieces, start, offset, offset + length);
      }
    }
  }

  release(pieces: readonly Uint8Array[]): void {
    this.#inner.release(pieces);
  }

  /** Blocks whose digest is that of zeros. Whether the source knows of them makes no difference. */
  zeros(offset: number, length: number): AsyncIterable<ByteRange> {
    return zeroBlocks(this.manifest, { offset, length });
  }

  shortLived(): Iterable<ByteRange> {
    return this.#inner.device.shortLived?.() ?? [];
  }

  /**
   * By the digests of the former manifest, where that is the one of the copy; else by those of what
   * is local.
   */
  async changedSince(identity: string, options: ChangesOptions = {}): Promise<SourceChanges> {
    const { manifest } = this;
    const root = rootOf(identity);
    if (root === manifest.root) return { ranges: [] };
    const differing = await this.#differencesFrom(root);
    if (differing !== undefined) return { ranges: differing };
    const { local, signal } = options;
    if (local === undefined) {
      const reason = "there is neither a former manifest nor a copy to compare with";
      return { ranges: [{ offset: 0, length: this.size }], reason };
    }
    return { ranges: await joined(wrongBlocks(manifest, local, signal && { signal })) };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Undefined where the copy is not of the former manifest, or that cannot be had any more. */
  async #differencesFrom(root: string | undefined): Promise<readonly ByteRange[] | undefined> {
    const { manifest } = this;
    const former = this.#former;
    if (former === undefined || former.root !== root) return undefined;
    if (former.blockSize !== manifest.blockSize) return undefined;
    try {
      return await joined(manifest.differences(former));
    } catch (error) {
      if (isHeadwaterError(error)) return undefined;
      throw error;
    }
  }

  /** The blocks that hold a part of the range. */
  #outward({ offset, length }: ByteRange): ByteRange {
    const { first, end } = this.#blocks.runOf(offset, length);
    return {
      offset: this.#blocks.offsetOf(first),
      length: this.#blocks.lengthOf(first, end),
    };
  }

  async #check({ block, digest, pieces }: DigestedBlock): Promise<void> {
    if (digest.equals(await this.manifest.digestOf(block))) return;
    this.release(pieces);
    const { offset, length } = this.manifest.rangeOf(block);
    const { identity } = this.#inner;
    const made = this.manifest.identity ?? identity;
    const other = made === identity ? "" : `, which was made of ${made}`;
    throw new HeadwaterError(
      "DIGEST_MISMATCH",
      `${length} bytes at ${offset} of ${identity} are not as the manifest says${other}`,
      { offset, length, retryable: true },
    );
  }
}

/** What of the pieces, the first of which begins at `at`, lies between `offset` and `end`. */
function* within(
  pieces: readonly Uint8Array[],
  at: number,
  offset: number,
  end: number,
): Generator<Uint8Array, void, undefined> {
  let start = at;
  for (const piece of pieces) {
    const from = Math.max(0, offset - start);
    const to = Math.min(piece.length, end - start);
    if (from < to) yield piece.subarray(from, to);
    start += piece.length;
  }
}

function isSame(one: ByteRange, other: ByteRange): boolean {
  return one.offset === other.offset && one.length === other.length;
}
