import { abortable } from "../../lib/abortable.ts";
import {
  type ByteRange,
  type CheckedSource,
  HeadwaterError,
  isHeadwaterError,
  joinPieces,
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
    const range = opened?.source?.device.opened;
    if (range === undefined) return;
    this.opened = range;
    this.#openedBy = opened;
  }

  read(offset: number, length: number, options?: ReadOptions): Promise<Uint8Array> {
    const pieces = this.stream(offset, length, options);
    return joinPieces(pieces, offset, length, (piece) => this.release(piece));
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
        failure = toTell(failure, error);
      }
    }
  }

  release(pieces: readonly Uint8Array[]): void {
    for (const { source } of this.#settings.members) source?.release(pieces);
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
    const source = await this.#open(member, options.signal);
    const startedAt = performance.now();
    let firstMs: number | undefined;
    for await (const piece of source.stream(offset, length, options)) {
      firstMs ??= performance.now() - startedAt;
      yield piece;
    }
    member.pace.add(firstMs ?? 0, performance.now() - startedAt, length);
  }

  /** What is being opened goes on, for others, when `signal` ends this wait. */
  async #open(member: Member, signal: AbortSignal | undefined): Promise<CheckedSource> {
    if (member.source !== undefined) return member.source;
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
function toTell(one: unknown, other: unknown): unknown {
  return isHeadwaterError(one) && one.retryable ? one : other;
}
