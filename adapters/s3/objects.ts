import {
  checkCount,
  HeadwaterError,
  isHeadwaterError,
  type Meter,
  type ReadOptions,
} from "../../lib/index.ts";
import { HttpObjects } from "../http/index.ts";
import { checkInUrl, nameOf, parseS3Address, type S3Address } from "./address.ts";
import { Calls } from "./calls.ts";
import { type Connection, connect } from "./client.ts";
import { explain } from "./explain.ts";
import { sdkFailure, statusOf } from "./failures.ts";
import { customerKeyInput } from "./object-request.ts";
import { checkOptions, type S3ObjectsOptions } from "./options.ts";
import { Signers } from "./signers.ts";

/** An object, as it was listed. */
export interface S3Object {
  /** From the root on. */
  readonly key: string;
  /** In bytes. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modifiedMs: number | undefined;
}

export interface S3Listing {
  /** In the order of S3, which is that of their keys in UTF-8. */
  readonly objects: readonly S3Object[];
  /** What `after` has to be for the next part; undefined where this was the last. */
  readonly next: string | undefined;
}

export interface S3PutOptions {
  /** Only where there is no object of this key: of two that put it at once, one succeeds. */
  ifAbsent?: boolean;
  signal?: AbortSignal;
}

/** Puts that met another of the same key are tried so often. */
const PUT_TRIES = 5;

/**
 * Many objects below `s3://bucket/path`: the SDK lists and puts them, and their bytes come over the
 * HTTP source by signed URLs.
 */
export class S3Objects implements AsyncDisposable {
  /** Without a secret, and without a `/` at its end. */
  readonly name: string;
  readonly #root: S3Address;
  readonly #options: S3ObjectsOptions;
  readonly #listingSize: number;
  readonly #calls: Calls;
  #connecting: Promise<Connection> | undefined;
  #reading: Promise<HttpObjects> | undefined;

  /** @throws {TypeError | RangeError} when the address or an option makes no sense. */
  constructor(root: string | URL | S3Address, options: S3ObjectsOptions = {}) {
    const { bucket, key } = parseS3Address(root);
    const path = key.replace(/\/+$/, "");
    checkOptions(options);
    this.#listingSize = checkCount("listingSize", options.listingSize ?? 1000);
    this.#root = { bucket, key: path === "" ? "" : `${path}/` };
    this.#options = options;
    this.name = nameOf({ bucket, key: path }).replace(/\/$/, "");
    this.#calls = new Calls(this.name);
  }

  /**
   * Lists the objects whose keys begin with `prefix` and come after `after`: one request, unless it
   * has to be tried again.
   *
   * @throws {HeadwaterError} `SOURCE_NOT_FOUND` where there is no such bucket; `SOURCE_FAILED`.
   */
  list(prefix: string, after: string, options: ReadOptions = {}): Promise<S3Listing> {
    const { bucket, key: root } = this.#root;
    return this.#call(options.signal, options.meter, async ({ sdk, client }, abortSignal) => {
      const command = new sdk.ListObjectsV2Command({
        Bucket: bucket,
        Prefix: root + prefix,
        MaxKeys: this.#listingSize,
        ...(after === "" ? {} : { StartAfter: root + after }),
        ...this.#payer(),
      });
      const {
        Contents = [],
        IsTruncated = false,
        $metadata,
      } = await client.send(command, {
        abortSignal,
      });
      const objects = Contents.map(({ Key = "", Size = 0, LastModified }) => ({
        key: Key.slice(root.length),
        size: Size,
        modifiedMs: LastModified?.getTime(),
      }));
      const next = IsTruncated ? objects.at(-1)?.key : undefined;
      return { value: { objects, next }, attempts: $metadata.attempts };
    });
  }

  /**
   * The pieces of a part of an object.
   *
   * @param object what is read of this very one is of one version.
   * @throws {HeadwaterError} `SOURCE_NOT_FOUND` when it is gone; `SOURCE_CHANGED` when it has
   *   another size, or is not the version that was read before; others as the HTTP source does.
   */
  async *stream(
    object: S3Object,
    offset: number,
    length: number,
    options: ReadOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    checkInUrl(this.#root.key + object.key);
    this.#calls.check(options.signal);
    this.#reading ??= this.#openReading(object.key);
    const reading = await this.#reading.catch((error) => {
      this.#reading = undefined; // the next one tries again
      throw error;
    });
    this.#calls.check(options.signal);
    yield* reading.stream(object, offset, length, options);
  }

  /** Takes back pieces of streams, or parts of them: others will arrive in their place. */
  release(pieces: readonly Uint8Array[]): void {
    void this.#reading?.then(
      (reading) => reading.release(pieces),
      () => {},
    );
  }

  /**
   * Stores an object, whole or not at all.
   *
   * @throws {HeadwaterError} `EXISTS` where it was to be absent, and is not; `SOURCE_FAILED`, also
   *   where the store cannot put on that condition.
   */
  async put(key: string, bytes: Uint8Array, options: S3PutOptions = {}): Promise<void> {
    const { ifAbsent = false, signal } = options;
    const { customerKey } = this.#options;
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#call(signal, undefined, async ({ sdk, client }, abortSignal) => {
          const command = new sdk.PutObjectCommand({
            Bucket: this.#root.bucket,
            Key: this.#root.key + key,
            Body: bytes,
            ...(ifAbsent && { IfNoneMatch: "*" }),
            ...this.#payer(),
            ...(customerKey && customerKeyInput(customerKey)),
          });
          const { $metadata } = await client.send(command, { abortSignal });
          return { value: undefined, attempts: $metadata.attempts };
        });
        return;
      } catch (error) {
        if (!isHeadwaterError(error)) throw error;
        const status = statusOf(error.cause);
        const options = { cause: error };
        if (ifAbsent && status === 412) {
          throw new HeadwaterError("EXISTS", `${this.name}/${key} exists`, options);
        }
        // Another put of the same key is under way: the next try finds what came of it.
        if (status !== 409 || tries === PUT_TRIES) throw error;
      }
    }
  }

  /** Ends every request with `CLOSED`, and every connection. */
  async close(): Promise<void> {
    if (this.#calls.isClosed) return;
    this.#calls.close();
    const reading = await this.#reading?.catch(() => undefined);
    await reading?.close();
    const connection = await this.#connecting?.catch(() => undefined);
    connection?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #connection(): Promise<Connection> {
    this.#connecting ??= connect(this.#options).catch((error) => {
      this.#connecting = undefined;
      throw error;
    });
    return this.#connecting;
  }

  /** One call of the SDK. Each of its attempts is told to the meter. */
  async #call<Value>(
    signal: AbortSignal | undefined,
    meter: Meter | undefined,
    work: (
      connection: Connection,
      signal: AbortSignal,
    ) => Promise<{ value: Value; attempts: number | undefined }>,
  ): Promise<Value> {
    const call = this.#calls.begin(signal);
    try {
      const connection = await this.#connection();
      call.signal.throwIfAborted();
      const { value, attempts = 1 } = await work(connection, call.signal);
      for (let attempt = 0; attempt < attempts; attempt += 1) meter?.request();
      return value;
    } catch (error) {
      throw sdkFailure(error, this.name, call.signal);
    } finally {
      call.end();
    }
  }

  #payer(): { RequestPayer?: "requester" } {
    return this.#options.requesterPays ? { RequestPayer: "requester" } : {};
  }

  /** The URLs differ from store to store: that of any object tells where they begin. */
  async #openReading(key: string): Promise<HttpObjects> {
    const connection = await this.#connection();
    const signers = new Signers(connection, this.#root, this.#options);
    const { url } = await signers.sign(key);
    return new HttpObjects(new URL(url).origin, {
      ...this.#options.http,
      name: this.name,
      explain,
      sign: ({ url: nominal, refused }) =>
        signers.sign(decodeURIComponent(nominal.pathname.slice(1)), refused),
    });
  }
}
