import type { GetObjectCommandInput, GetObjectCommandOutput } from "@aws-sdk/client-s3";
import {
  type ByteRange,
  HeadwaterError,
  joinPieces,
  type ReadOptions,
  type SourceDevice,
} from "../../lib/index.ts";
import { formatIdentity } from "../http/index.ts";
import { Calls } from "./calls.ts";
import type { Connection } from "./client.ts";
import { sdkFailure, statusOf } from "./failures.ts";
import { partOf, piecesOf } from "./sdk-response.ts";

export interface SdkSourceOptions {
  readonly connection: Connection;
  readonly input: GetObjectCommandInput;
  readonly name: string;
  readonly size: number;
  readonly etag: string | undefined;
  /** What opening has brought, for the first stream of exactly this part. */
  readonly opening?: { readonly range: ByteRange; readonly bytes: Uint8Array } | undefined;
  readonly stallTimeoutMs: number;
}

/** An object whose bytes the SDK brings, pinned by its ETag. */
export class SdkSource implements SourceDevice {
  readonly size: number;
  readonly identity: string;
  readonly strongIdentity: boolean;
  readonly opened?: ByteRange;
  readonly #options: SdkSourceOptions;
  readonly #calls: Calls;
  #opening: SdkSourceOptions["opening"];
  /** False once the store was found to refuse the very version that it has. */
  #conditional: boolean;

  constructor(options: SdkSourceOptions) {
    const { name, size, etag, opening } = options;
    this.size = size;
    this.identity = formatIdentity({ name, size, validators: { etag, lastModified: undefined } });
    this.strongIdentity = etag !== undefined;
    if (opening !== undefined) this.opened = opening.range;
    this.#options = options;
    this.#calls = new Calls(name);
    this.#opening = opening;
    this.#conditional = etag !== undefined;
  }

  async read(offset: number, length: number, options?: ReadOptions): Promise<Uint8Array> {
    return await joinPieces(this.stream(offset, length, options), offset, length);
  }

  stream(offset: number, length: number, options: ReadOptions = {}): AsyncIterable<Uint8Array> {
    const inside = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
    if (!inside || offset < 0 || length < 0 || offset + length > this.size) {
      throw new RangeError(`${length} bytes at ${offset} are not inside ${this.size}`);
    }
    return this.#pieces({ offset, length }, options);
  }

  /** Ends every read with `CLOSED`. */
  async close(): Promise<void> {
    if (this.#calls.isClosed) return;
    this.#calls.close();
    this.#options.connection.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async *#pieces(
    range: ByteRange,
    options: ReadOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    this.#calls.check(options.signal);
    const { length } = range;
    if (length === 0) return;
    const opening = this.#takeOpening(range);
    if (opening !== undefined) {
      options.meter?.request();
      options.meter?.bytes(length);
      yield opening.slice();
      return;
    }
    const call = this.#calls.begin(options.signal);
    try {
      yield* this.#arriving(range, options, call.signal);
    } finally {
      call.end();
    }
  }

  async *#arriving(
    range: ByteRange,
    options: ReadOptions,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { offset, length } = range;
    const { name, stallTimeoutMs } = this.#options;
    let at = 0;
    try {
      const response = await this.#get(range, options, signal);
      for await (const piece of piecesOf(response, name, stallTimeoutMs)) {
        options.meter?.bytes(piece.length);
        at += piece.length;
        if (at > length) break;
        yield piece;
      }
    } catch (error) {
      throw sdkFailure(error, name, signal);
    }
    signal.throwIfAborted();
    if (at === length) return;
    const message = `${name}: asked ${length} bytes at ${offset}, got ${at}`;
    throw new HeadwaterError("SHORT_READ", message, { offset, length, retryable: true });
  }

  /** A response that has begun and is found to bring exactly this part of the pinned version. */
  async #get(
    range: ByteRange,
    options: ReadOptions,
    signal: AbortSignal,
  ): Promise<GetObjectCommandOutput> {
    const conditional = this.#conditional;
    try {
      return await this.#ask(range, options, signal, conditional);
    } catch (error) {
      if (!conditional || statusOf(error) !== 412) throw error;
    }
    // Some stores refuse the version they have: asked without a condition, the response tells.
    const response = await this.#ask(range, options, signal, false);
    this.#conditional = false;
    return response;
  }

  async #ask(
    range: ByteRange,
    { meter }: ReadOptions,
    signal: AbortSignal,
    conditional: boolean,
  ): Promise<GetObjectCommandOutput> {
    const { connection, input, etag, name, size } = this.#options;
    const { offset, length } = range;
    const command = new connection.sdk.GetObjectCommand({
      ...input,
      Range: `bytes=${offset}-${offset + length - 1}`,
      ...(conditional && etag !== undefined && { IfMatch: etag }),
    });
    meter?.request();
    const response = await connection.client.send(command, { abortSignal: signal });
    try {
      const part = partOf(response, name);
      if (part.size !== size || (etag !== undefined && part.etag !== etag)) {
        const message = `${name} is no longer the version that was opened`;
        throw new HeadwaterError("SOURCE_CHANGED", message, range);
      }
      if (part.range.offset === offset && part.range.length === length) return response;
      const message = `${name} answered with ${part.range.length} bytes at ${part.range.offset}`;
      throw new HeadwaterError("SOURCE_FAILED", message, { ...range, retryable: true });
    } catch (error) {
      (response.Body as { destroy?: () => void } | undefined)?.destroy?.();
      throw error;
    }
  }

  #takeOpening({ offset, length }: ByteRange): Uint8Array | undefined {
    const opening = this.#opening;
    if (opening?.range.offset !== offset || opening.range.length !== length) return undefined;
    this.#opening = undefined;
    return opening.bytes;
  }
}
