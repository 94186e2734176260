import { type HttpOptions, http } from "../../adapters/http/index.ts";
import type { HeadwaterError, SourceDevice } from "../../lib/index.ts";
import type { OriginClient, Rule } from "./client.ts";
import { failureOf, Spent } from "./spent.ts";

/** Blobs of one size and seed, each at a path that no other test uses. */
export class Blobs {
  readonly origin: OriginClient;
  readonly size: number;
  readonly seed: number;
  #paths = 0;

  constructor(origin: OriginClient, size: number, seed = 7) {
    this.origin = origin;
    this.size = size;
    this.seed = seed;
  }

  /** A new path, with these rules. */
  async add(...rules: Rule[]): Promise<string> {
    this.#paths += 1;
    const path = `/blob-${this.#paths}`;
    if (rules.length > 0) await this.origin.set(path, ...rules);
    return path;
  }

  /** The URL of a path, with a query that must never be seen in a message. */
  url(path: string, size: number = this.size): string {
    return this.origin.url(`${path}?size=${size}&seed=${this.seed}&signature=SECRET`);
  }

  open(path: string, options?: HttpOptions): Promise<SourceDevice> {
    return http(this.url(path), options).open();
  }

  /** What a blob holds there. */
  bytes(offset: number, length: number): Uint8Array<ArrayBuffer> {
    return this.origin.bytes(this.seed, offset, length);
  }

  /** How opening fails where the server does this. */
  async openingFailure(rule: Rule, options?: HttpOptions): Promise<HeadwaterError> {
    return failureOf(this.open(await this.add(rule), options));
  }

  /** How a read of 1000 bytes at 5000 fails, where the server does this after a good opening. */
  async readingFailure(rule: Rule, options?: HttpOptions): Promise<HeadwaterError> {
    await using source = await this.open(await this.add({ skip: 1, ...rule }), options);
    return await failureOf(source.read(5000, 1000)); // before the source is closed
  }
}

/** What a stream brought before it failed, and how it failed. */
export async function brokenStream(
  source: SourceDevice,
  offset: number,
  length: number,
): Promise<{ bytes: Uint8Array; error: HeadwaterError; spent: Spent }> {
  const pieces: Uint8Array[] = [];
  const spent = new Spent();
  const take = async (): Promise<void> => {
    const stream = source.stream?.(offset, length, { meter: spent }) ?? [];
    for await (const piece of stream) pieces.push(piece);
  };
  const error = await failureOf(take());
  return { bytes: new Uint8Array(Buffer.concat(pieces)), error, spent };
}
