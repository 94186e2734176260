import { patternBytes } from "../../adapters/testing/index.ts";
import {
  type ByteRange,
  HeadwaterError,
  type ReadOptions,
  type SourceChanges,
  type SourceDevice,
  type SourceOpener,
} from "../../lib/index.ts";
import { ScriptedSource } from "./scripted-source.ts";

/** What a change to the next version makes of the bytes. */
export interface Change {
  readonly size: number;
  readonly edits: readonly ByteRange[];
}

/** Versions of one blob: `history[n]` is what the version of identity `n` holds. */
export class History {
  readonly versions: Uint8Array[];
  readonly #changes: Change[] = [];

  constructor(first: Uint8Array) {
    this.versions = [first];
  }

  add(change: Change): void {
    const before = this.versions.at(-1) ?? new Uint8Array();
    const next = patternBytes(change.size, this.versions.length + 7);
    next.set(before.subarray(0, change.size));
    for (const { offset, length } of change.edits) {
      const end = Math.min(change.size, offset + length);
      if (offset >= end) continue;
      next.set(patternBytes(end - offset, this.versions.length + 90), offset);
    }
    this.versions.push(next);
    this.#changes.push(change);
  }

  /** A source of that version, which knows what has changed since any former one. */
  source(version: number, pause?: () => Promise<unknown>): VersionedSource {
    const bytes = this.versions[version] ?? new Uint8Array();
    const changes = this.#changes;
    return new VersionedSource(bytes.slice(), version, pause, (from) =>
      changes
        .slice(from, version)
        .flatMap(({ edits, size }) => [...edits, { offset: size, length: 2 ** 20 }])
        .filter(({ offset }) => offset < bytes.length)
        .map(({ offset, length }) => ({
          offset,
          length: Math.min(length, bytes.length - offset),
        })),
    );
  }
}

/** Opens that version, and knows every other one by its name. */
export function openerOf(source: VersionedSource): SourceOpener {
  return {
    open: () => Promise.resolve(source),
    recognizes: (identity) => /^\d+$/.test(identity),
  };
}

export class VersionedSource extends ScriptedSource {
  /** Whether this version can still be read. */
  isGone = false;
  /** What to go on with once it cannot. */
  next: (() => Promise<SourceDevice | undefined>) | undefined;
  readonly #changesFrom: (from: number) => readonly ByteRange[];

  constructor(
    bytes: Uint8Array,
    version: number,
    pause: (() => Promise<unknown>) | undefined,
    changesFrom: (from: number) => readonly ByteRange[],
  ) {
    super(bytes, { identity: String(version), pieces: [4096], ...(pause && { pause }) });
    this.#changesFrom = changesFrom;
  }

  override async *stream(
    offset: number,
    length: number,
    options?: ReadOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.isGone) throw new HeadwaterError("SOURCE_CHANGED", `${this.identity} is gone`);
    for await (const piece of super.stream(offset, length, options)) {
      yield piece;
      if (this.isGone) throw new HeadwaterError("SOURCE_CHANGED", `${this.identity} went`);
    }
  }

  async successor(): Promise<SourceDevice | undefined> {
    return this.next?.();
  }

  async changedSince(identity: string): Promise<SourceChanges> {
    if (/^\d+$/.test(identity)) return { ranges: this.#changesFrom(Number(identity)) };
    return { ranges: [{ offset: 0, length: this.size }], reason: "there was no such version" };
  }
}
