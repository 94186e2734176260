import { abortable } from "./abortable.ts";
import type { SourceDevice, SourceOpener } from "./device.ts";
import type { Engine } from "./engine.ts";
import { HeadwaterError, isHeadwaterError, messageOf } from "./errors.ts";

/** Versions that are tried, when each is gone by the time its changes are asked for. */
const MOST_SUCCESSORS = 5;

export interface SuccessionContext {
  readonly engine: Engine;
  readonly isClosed: boolean;
  advance(to: SourceOpener, signal: undefined): Promise<void>;
}

/** What follows when a version of the source can no longer be read: the next one, if it has one. */
export class Succession {
  readonly #context: SuccessionContext;
  readonly #isOn: boolean;
  #following: Promise<void> | undefined;

  constructor(context: SuccessionContext, isOn: boolean) {
    this.#context = context;
    this.#isOn = isOn;
  }

  /**
   * Resolves when the clone is of a later version than that of the engine that failed. Rejects with
   * what failed, where it was something else, or no version follows.
   */
  async follow(from: Engine, error: unknown, signal?: AbortSignal): Promise<void> {
    const source = from.source?.device;
    const canFollow = isHeadwaterError(error, "SOURCE_CHANGED") && source?.successor !== undefined;
    if (!canFollow || !this.#isOn || from.committer.written || this.#context.isClosed) throw error;
    if (this.#context.engine !== from) return; // somebody has followed
    this.#following ??= this.#advance(from, source, error).finally(() => {
      this.#following = undefined;
    });
    await abortable(this.#following, signal);
  }

  async #advance(from: Engine, source: SourceDevice, error: HeadwaterError): Promise<void> {
    let cause: unknown;
    for (let successors = 0; successors < MOST_SUCCESSORS; successors += 1) {
      cause = undefined;
      try {
        await this.#context.advance(successorOf(source, error), undefined);
      } catch (failure) {
        cause = failure;
      }
      if (this.#context.engine !== from) return;
      if (cause === error || !isGone(cause)) break;
      // That version is gone too before it was known what it changed.
    }
    if (cause === undefined || cause === error) throw error;
    const message = `${error.message}; and no later version can be had: ${messageOf(cause)}`;
    throw new HeadwaterError("SOURCE_CHANGED", message, { cause });
  }
}

function isGone(error: unknown): boolean {
  return isHeadwaterError(error, "SOURCE_CHANGED") || isHeadwaterError(error, "SOURCE_NOT_FOUND");
}

/** @param error thrown where there is none. */
function successorOf(source: SourceDevice, error: HeadwaterError): SourceOpener {
  return {
    open: async (options = {}) => {
      const { signal } = options;
      const successor = await source.successor?.(signal && { signal });
      if (successor === undefined) throw error;
      return successor;
    },
    recognizes: () => true,
  };
}
