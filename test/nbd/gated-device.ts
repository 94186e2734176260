import type { NbdDevice } from "../../adapters/nbd/index.ts";
import type {
  CallOptions,
  CloneMode,
  HeadwaterError,
  HydratedRun,
  HydrateOptions,
  WriteOptions,
} from "../../lib/index.ts";

/** A device in memory whose operations wait until the test lets them go on. */
export class GatedDevice implements NbdDevice {
  readonly size: number;
  readonly regionSize = 65_536;
  readonly bytes: Uint8Array;
  mode: CloneMode = "read-write";
  /** What happened, in order. */
  readonly log: string[] = [];
  /** Thrown by the next operation. */
  failure: HeadwaterError | undefined;
  readonly #waiting: (() => void)[] = [];
  #isOpen: boolean;

  constructor(size: number, { isOpen = false }: { isOpen?: boolean } = {}) {
    this.size = size;
    this.bytes = new Uint8Array(size);
    this.#isOpen = isOpen;
  }

  /** How many operations wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Lets everything go on, now and from now on. */
  open(): void {
    this.#isOpen = true;
    for (const resume of this.#waiting.splice(0)) resume();
  }

  readIntoSync(): undefined {
    return undefined;
  }

  async readInto(
    offset: number,
    target: Uint8Array,
    { signal }: CallOptions = {},
  ): Promise<number> {
    await this.#step("read", offset, target.length, signal);
    target.set(this.bytes.subarray(offset, offset + target.length));
    return target.length;
  }

  async write(
    offset: number,
    bytes: Uint8Array,
    { fua = false }: WriteOptions = {},
  ): Promise<void> {
    await this.#step(fua ? "write with fua" : "write", offset, bytes.length);
    this.bytes.set(bytes, offset);
  }

  async writeZeroes(
    offset: number,
    length: number,
    { fua = false }: WriteOptions = {},
  ): Promise<void> {
    await this.#step(fua ? "zeroes with fua" : "zeroes", offset, length);
    this.bytes.fill(0, offset, offset + length);
  }

  async discard(offset: number, length: number, { fua = false }: WriteOptions = {}): Promise<void> {
    await this.#step(fua ? "discard with fua" : "discard", offset, length);
  }

  async flush(): Promise<void> {
    await this.#step("flush", 0, 0);
  }

  async hydrate({ ranges = [] }: HydrateOptions = {}): Promise<void> {
    for (const { offset, length } of ranges) await this.#step("hydrate", offset, length);
  }

  *hydratedRuns(offset: number, length: number): Generator<HydratedRun, void, undefined> {
    yield { offset, length, hydrated: false };
  }

  async #step(name: string, offset: number, length: number, signal?: AbortSignal): Promise<void> {
    this.log.push(`${name} ${offset} ${length}`);
    if (this.failure !== undefined) throw this.failure;
    if (this.#isOpen) return;
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push(resolve);
      signal?.addEventListener("abort", () => {
        this.log.push(`${name} ended early`);
        reject(signal.reason);
      });
    });
  }
}
