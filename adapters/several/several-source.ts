import { abortable } from "../../lib/abortable.ts";
import {
  type ByteRange,
  HeadwaterError,
  isHeadwaterError,
  type ReadOptions,
  type SourceDevice,
} from "../../lib/index.ts";
import { choose, type SourceOrder } from "./choice.ts";
import type { Common, Member } from "./member.ts";

export interface SeveralSettings {
  readonly members: readonly Member[];
  readonly order: SourceOrder;
  readonly common: Common;
  readonly identity: string;
  readonly strongIdentity: boolean;
  /** The member that was opened already, if one was. */
  readonly opened: Member | undefined;
}

/** Several sources of the same bytes as one: what one of them fails to give comes from another. */
export class SeveralSource implements SourceDevice {
  readonly size: number;
  readonly identity: string;
  readonly strongIdentity: boolean;
  readonly opened?: ByteRange;
  readonly #settings: SeveralSettings;
  readonly #closing: AbortController = new AbortController();
  #openedBy: Member | undefined;

  constructor(settings: SeveralSettings) {
    const { common, identity, strongIdentity, opened } = settings;
    this.size = common.size;
    this.identity = identity;
    this.strongIdentity = strongIdentity;
    this.#settings = settings;
    const range = opened?.device?.opened;
    if (range === undefined) return;
    this.opened = range;
    this.#openedBy = opened;
  }

  async read(offset: number, length: number, options: ReadOptions = {}): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let filled = 0;
    for await (const piece of this.stream(offset, length, options)) {
      bytes.set(piece, filled);
      filled += piece.length;
      this.release([piece]);
    }
    return bytes;
  }

  async *stream(
    offset: number,
    length: number,
    options: ReadOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const end = offset + length;
    const asked = new Set<Member>();
    let position = offset;
    let failure: unknown;
    while (position < end) {
      const member = this.#next(asked, offset, end - position, options);
      if (member === undefined) throw this.#failureOf(failure);
      asked.add(member);
      try {
        for await (const piece of this.#piecesOf(member, position, end - position, options)) {
          position += piece.length;
          yield piece;
        }
        member.worked();
      } catch (error) {
        if (options.signal?.aborted || this.#closing.signal.aborted) throw error;
        member.failed(error);
        failure = worse(failure, error);
      }
    }
  }

  release(pieces: readonly Uint8Array[]): void {
    for (const { device } of this.#settings.members) device?.release?.(pieces);
  }

  async close(): Promise<void> {
    this.#closing.abort(new HeadwaterError("CLOSED", "the source is closed"));
    await Promise.all(this.#settings.members.map((member) => member.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #next(
    asked: ReadonlySet<Member>,
    offset: number,
    length: number,
    options: ReadOptions,
  ): Member | undefined {
    const { members, order } = this.#settings;
    const isUrgent = options.class !== "background";
    const openedBy = this.#openedBy;
    const isOpened = offset === this.opened?.offset && length === this.opened.length;
    if (openedBy === undefined || !isOpened) {
      return choose(members, asked, order, { length, isUrgent });
    }
    this.#openedBy = undefined; // it has these bytes on their way
    return openedBy;
  }

  async *#piecesOf(
    member: Member,
    offset: number,
    length: number,
    options: ReadOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const device = await this.#open(member, options.signal);
    const startedAt = performance.now();
    let firstMs: number | undefined;
    let received = 0;
    const pieces =
      device.stream?.(offset, length, options) ?? wholeOf(device, offset, length, options);
    for await (const piece of pieces) {
      firstMs ??= performance.now() - startedAt;
      received += piece.length;
      if (received > length) break;
      yield piece;
    }
    if (received !== length) {
      const message = `${member.name} gave ${received} bytes in place of ${length}`;
      const range = {
        offset: offset + Math.min(received, length),
        length: Math.max(0, length - received),
      };
      throw new HeadwaterError("SHORT_READ", message, { ...range, retryable: true });
    }
    member.pace.add(firstMs ?? 0, performance.now() - startedAt, length);
  }

  /** What is being opened goes on, for others, when `signal` ends this wait. */
  async #open(member: Member, signal: AbortSignal | undefined): Promise<SourceDevice> {
    if (member.device !== undefined) return member.device;
    const opening = member.open(this.#settings.common, this.#closing.signal);
    opening.catch(() => {}); // nobody may be waiting any more
    return abortable(opening, signal);
  }

  #failureOf(failure: unknown): unknown {
    if (failure !== undefined) return failure;
    const { members } = this.#settings;
    const message = "none of the sources has the bytes that were opened any more";
    return new HeadwaterError("SOURCE_CHANGED", message, { cause: members[0]?.lost });
  }
}

/** The one that says more: whether to try again. */
function worse(one: unknown, other: unknown): unknown {
  return isHeadwaterError(one) && one.retryable ? one : other;
}

async function* wholeOf(
  device: SourceDevice,
  offset: number,
  length: number,
  options: ReadOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield await device.read(offset, length, options);
}
