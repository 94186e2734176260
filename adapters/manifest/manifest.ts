import type { ByteRange, Geometry, ReadOptions } from "../../lib/index.ts";
import {
  corrupt,
  DIGEST_SIZE,
  GROUP_BLOCKS,
  groupCount,
  groupRange,
  type ManifestHead,
  parseHead,
  parsePrefix,
  sha256,
} from "./format.ts";

/** Where the bytes of a manifest are. Every `SourceDevice` is one. */
export interface ManifestBytes {
  readonly size: number;
  read(offset: number, length: number, options?: ReadOptions): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Groups that are held in memory: 32 MiB of digests. */
const HELD_GROUPS = 256;
/** Read at once in the beginning: what opening an HTTP source brings by itself. */
const FIRST_READ: number = 128 * 2 ** 10;

/**
 * The digest of each block of a blob. The head is read and checked when it is opened, the digests
 * in groups when they are needed: of a very large one only what is needed is in memory.
 */
export class Manifest implements AsyncDisposable {
  /** Names the content, whatever source it comes from: SHA-256, in 64 hexadecimal digits. */
  readonly root: string;
  /** Of what source it was made. A hint: nothing depends on it. */
  readonly identity: string | undefined;
  /** The blocks of the blob, as a geometry has regions. */
  readonly blocks: Geometry;
  readonly #head: ManifestHead;
  readonly #bytes: ManifestBytes;
  readonly #groups = new Map<number, Promise<Uint8Array>>();
  #closing: Promise<void> | undefined;

  private constructor(head: ManifestHead, bytes: ManifestBytes) {
    this.root = head.root;
    this.identity = head.identity;
    this.blocks = head.blocks;
    this.#head = head;
    this.#bytes = bytes;
  }

  /**
   * @param bytes closed with the manifest, and when this fails.
   * @throws {HeadwaterError} `CORRUPT` when it is not a whole manifest; what reading it throws.
   */
  static async read(bytes: ManifestBytes, options: ReadOptions = {}): Promise<Manifest> {
    try {
      let head = await bytes.read(0, Math.min(bytes.size, FIRST_READ), options);
      const { headSize, manifestSize } = parsePrefix(head);
      if (bytes.size !== manifestSize) {
        throw corrupt(`it has ${bytes.size} bytes, and its head speaks of ${manifestSize}`);
      }
      if (headSize > head.length) {
        const rest = await bytes.read(head.length, headSize - head.length, options);
        head = Buffer.concat([head, rest]);
      }
      return new Manifest(parseHead(head.subarray(0, headSize)), bytes);
    } catch (error) {
      await bytes.close();
      throw error;
    }
  }

  /** Of the blob, in bytes. */
  get size(): number {
    return this.blocks.size;
  }

  /** In bytes; the last block may be short. */
  get blockSize(): number {
    return this.blocks.regionSize;
  }

  /**
   * The digest of a block.
   *
   * @throws {HeadwaterError} `CORRUPT` when its group is not as the head says; what reading throws.
   */
  async digestOf(block: number): Promise<Uint8Array> {
    const digests = await this.digestsOf(Math.floor(block / GROUP_BLOCKS));
    const at = DIGEST_SIZE * (block % GROUP_BLOCKS);
    return digests.subarray(at, at + DIGEST_SIZE);
  }

  /** The digests of a group, one after the other. Throws what `digestOf` does. */
  digestsOf(group: number): Promise<Uint8Array> {
    const held = this.#groups.get(group);
    if (held !== undefined) return held;
    const digests = this.#readGroup(group);
    digests.catch(() => this.#groups.delete(group)); // it may be there the next time
    this.#groups.set(group, digests);
    for (const oldest of this.#groups.keys()) {
      if (this.#groups.size <= HELD_GROUPS) break;
      this.#groups.delete(oldest);
    }
    return digests;
  }

  /** The blocks that have another digest than in the other manifest, with blocks of this size. */
  async *differences(other: Manifest): AsyncGenerator<ByteRange, void, undefined> {
    for (let group = 0; group < groupCount(this.blocks); group += 1) {
      if (Buffer.compare(this.#groupDigest(group), other.#groupDigest(group)) === 0) continue;
      const ours = await this.digestsOf(group);
      const isTheirs = group < groupCount(other.blocks);
      const theirs = isTheirs ? await other.digestsOf(group) : new Uint8Array();
      for (let at = 0; at < ours.length; at += DIGEST_SIZE) {
        const end = at + DIGEST_SIZE;
        if (Buffer.compare(ours.subarray(at, end), theirs.subarray(at, end)) === 0) continue;
        yield this.rangeOf(group * GROUP_BLOCKS + at / DIGEST_SIZE);
      }
    }
  }

  /** Where a block lies in the blob. */
  rangeOf(block: number): ByteRange {
    const { blocks } = this;
    return { offset: blocks.offsetOf(block), length: blocks.lengthOf(block, block + 1) };
  }

  /** Lets go of where its bytes are. What is in memory can still be asked for. */
  close(): Promise<void> {
    this.#closing ??= this.#bytes.close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #readGroup(group: number): Promise<Uint8Array> {
    const { offset, length } = groupRange(this.#head, group);
    const digests = await this.#bytes.read(offset, length);
    if (sha256(digests).equals(this.#groupDigest(group))) return digests;
    throw corrupt(`the digests at ${offset} have been changed`);
  }

  #groupDigest(group: number): Uint8Array {
    return this.#head.index.subarray(DIGEST_SIZE * group, DIGEST_SIZE * (group + 1));
  }
}
