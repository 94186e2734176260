import {
  CheckedSource,
  HeadwaterError,
  isHeadwaterError,
  type SourceDevice,
  type SourceOpener,
} from "../../lib/index.ts";
import { Pace } from "./pace.ts";

/** What all members of a source must be, once the first of them is open. */
export interface Common {
  readonly size: number;
  readonly key: string;
}

export interface MemberOptions {
  /** For messages. */
  readonly name: string;
  readonly source: SourceOpener | SourceDevice;
  /** After the first failure, in milliseconds; twice as long after each that follows. */
  readonly restMs: number;
  keyOf(device: SourceDevice): Promise<string>;
}

/** A member that failed again and again is tried at least this often. */
const LONGEST_REST_MS = 60_000;

/** One of several sources of a blob. It is opened when it is needed. */
export class Member {
  readonly name: string;
  readonly pace: Pace = new Pace();
  readonly #options: MemberOptions;
  #opening: Promise<CheckedSource> | undefined;
  #source: CheckedSource | undefined;
  #failures = 0;
  #restsUntil = 0;
  #lost: HeadwaterError | undefined;

  constructor(options: MemberOptions) {
    this.#options = options;
    this.name = options.name;
  }

  /** Where it is open. */
  get source(): CheckedSource | undefined {
    return this.#source;
  }

  /** Why it is never asked again: it has, or has got, another content. */
  get lost(): HeadwaterError | undefined {
    return this.#lost;
  }

  /** When it may be asked again, after a failure. */
  get restsUntil(): number {
    return this.#restsUntil;
  }

  /** @param common what it has to be; undefined for the first. */
  open(common: Common | undefined, signal: AbortSignal): Promise<CheckedSource> {
    this.#opening ??= this.#open(common, signal).catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  /** What its bytes have in common with those of others. */
  keyOf(device: SourceDevice): Promise<string> {
    return this.#options.keyOf(device);
  }

  worked(): void {
    this.#failures = 0;
    this.#restsUntil = 0;
  }

  failed(error: unknown): void {
    if (isHeadwaterError(error, "SOURCE_CHANGED")) this.#lost = error;
    this.#failures += 1;
    const { restMs } = this.#options;
    const rest = Math.min(restMs * 2 ** (this.#failures - 1), LONGEST_REST_MS);
    const asked = isHeadwaterError(error) ? (error.retryAfterMs ?? 0) : 0;
    this.#restsUntil = performance.now() + Math.max(rest, asked);
  }

  /** Closes what was opened here; a device that somebody gave is theirs. */
  async close(): Promise<void> {
    const opening = this.#opening?.catch(() => undefined);
    if ("open" in this.#options.source) await (await opening)?.device.close();
  }

  async #open(common: Common | undefined, signal: AbortSignal): Promise<CheckedSource> {
    const { source, keyOf } = this.#options;
    const device = "open" in source ? await source.open({ signal }) : source;
    try {
      const isSame =
        common === undefined ||
        (device.size === common.size && (await keyOf(device)) === common.key);
      if (!isSame) {
        const message = `${this.name} has other bytes than the source that was opened first`;
        throw new HeadwaterError("SOURCE_CHANGED", message);
      }
    } catch (error) {
      if ("open" in source) await device.close();
      throw error;
    }
    this.#source = new CheckedSource(device);
    return this.#source;
  }
}
