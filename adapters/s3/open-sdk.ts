import type { GetObjectCommandInput } from "@aws-sdk/client-s3";
import { HeadwaterError, type SourceDevice, type SourceOpener } from "../../lib/index.ts";
import { parseIdentity } from "../http/index.ts";
import { type Connection, connect } from "./client.ts";
import { sdkFailure, statusOf } from "./failures.ts";
import type { S3Options } from "./options.ts";
import { partOf, piecesOf } from "./sdk-response.ts";
import { SdkSource } from "./sdk-source.ts";

type Opening = NonNullable<Parameters<SourceOpener["open"]>[0]>;

/** Opens an object whose bytes the SDK is to bring: with one GET, or none where it is known. */
export async function openBySdk(
  input: GetObjectCommandInput,
  name: string,
  options: S3Options,
  { known, signal }: Opening,
): Promise<SourceDevice> {
  const { stallTimeoutMs = 30_000 } = options.http ?? {};
  const connection = await connect(options, signal);
  const usual = { connection, input, name, stallTimeoutMs };
  try {
    if (known !== undefined) {
      const { size, validators } = parseIdentity(known.identity);
      if (size !== known.size) {
        const message = `the stored identity is of ${size} bytes, the copy of ${known.size}`;
        throw new HeadwaterError("CORRUPT", message);
      }
      return new SdkSource({ ...usual, size, etag: validators.etag });
    }
    return await openAnew(usual, options, signal);
  } catch (error) {
    connection.close();
    throw sdkFailure(error, name, signal);
  }
}

interface Usual {
  readonly connection: Connection;
  readonly input: GetObjectCommandInput;
  readonly name: string;
  readonly stallTimeoutMs: number;
}

async function openAnew(
  usual: Usual,
  { http = {} }: S3Options,
  signal: AbortSignal | undefined,
): Promise<SourceDevice> {
  const { connection, input, name, stallTimeoutMs } = usual;
  const { head = 128 * 2 ** 10, tail } = http;
  const Range = tail === undefined ? `bytes=0-${head - 1}` : `bytes=-${tail}`;
  const get = (more: { Range?: string }) => {
    const command = new connection.sdk.GetObjectCommand({ ...input, ...more });
    return connection.client.send(command, signal ? { abortSignal: signal } : {});
  };
  // No part of an empty object can be had.
  const response = await get({ Range }).catch((error) => {
    if (statusOf(error) !== 416) throw error;
    return get({});
  });
  const { range, size, etag } = partOf(response, name);
  if (range.length > (tail ?? head)) {
    (response.Body as { destroy?: () => void } | undefined)?.destroy?.();
    throw new HeadwaterError("RANGE_UNSUPPORTED", `${name} cannot serve a part: Range is ignored`);
  }
  const pieces: Uint8Array[] = [];
  for await (const piece of piecesOf(response, name, stallTimeoutMs)) pieces.push(piece);
  const bytes = Uint8Array.from(Buffer.concat(pieces));
  const isWhole = bytes.length === range.length && range.length > 0;
  return new SdkSource({ ...usual, size, etag, opening: isWhole ? { range, bytes } : undefined });
}
