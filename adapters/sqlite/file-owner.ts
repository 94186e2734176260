import type { ByteRange } from "../../lib/index.ts";
import { FileDevice, FileLock, namesOf } from "../file/index.ts";
import type { PageOwner } from "./page-owner.ts";

/** Any will do: every page is local. */
const REGION_SIZE = 4096;

/** The pages of a database that is a whole file already, and nobody's copy. */
export class FileOwner implements PageOwner {
  readonly regionSize: number = REGION_SIZE;
  readonly isComplete = true;
  readonly paths: readonly string[];
  readonly #device: FileDevice;
  readonly #lock: FileLock;

  private constructor(device: FileDevice, lock: FileLock, path: string) {
    this.#device = device;
    this.#lock = lock;
    this.paths = [path];
  }

  /**
   * @throws {HeadwaterError} `DESTINATION_FAILED` where there is no such file; `LOCKED` where
   *   somebody has it open in this way, or this process: its locks are not those of a file system.
   */
  static async open(path: string): Promise<FileOwner> {
    const lock = await FileLock.acquire((await namesOf(path)).lock);
    try {
      return new FileOwner(await FileDevice.open(path, { writable: true }), lock, path);
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  get size(): number {
    return this.#device.size;
  }

  read(offset: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
    return this.#device.read(offset, length, { signal });
  }

  write(offset: number, bytes: Uint8Array): Promise<void> {
    return this.#device.write(offset, [bytes]);
  }

  resize(size: number): Promise<void> {
    return this.#device.resize(size);
  }

  flush(): Promise<void> {
    return this.#device.flush();
  }

  prefetch(): void {}

  *local(): Generator<ByteRange, void, undefined> {
    yield { offset: 0, length: this.size };
  }

  onLocal(): () => void {
    return () => {};
  }

  async close(): Promise<void> {
    await this.#device.close();
    await this.#lock.release();
  }
}
