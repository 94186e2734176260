import type { GetObjectCommandInput, HeadObjectCommandOutput } from "@aws-sdk/client-s3";
import { type ByteRange, HeadwaterError } from "../../lib/index.ts";
import type { Connection } from "./client.ts";
import type { S3Algorithm } from "./digests.ts";

/** A part of an object, with the checksum that the store keeps of it. */
export interface CheckedPart {
  readonly range: ByteRange;
  /** In base64. */
  readonly value: string;
}

/** All parts of an object, in order. */
export interface CheckedParts {
  readonly algorithm: S3Algorithm;
  readonly list: readonly CheckedPart[];
}

/** What a store says of the bytes of an object without sending them. */
export interface StoredChecksums {
  readonly size: number;
  readonly etag: string | undefined;
  /** Of the parts with which it was uploaded, or of the whole as one. */
  readonly parts: CheckedParts | undefined;
  /**
   * What the ETag may be: the MD5 of the whole, or that of the MD5s of parts of this size. Only
   * bytes for which it is right can tell that it is.
   */
  readonly md5: { readonly value: string; readonly partSize: number } | undefined;
}

const ALGORITHMS: readonly S3Algorithm[] = ["crc64nvme", "crc32c", "crc32", "sha256", "sha1"];

/** Asks with one request; with two or more where there are checksums of parts only. */
export async function askChecksums(
  connection: Connection,
  input: GetObjectCommandInput,
  name: string,
  abortSignal: AbortSignal,
): Promise<StoredChecksums> {
  const { sdk, client } = connection;
  const head = await client.send(new sdk.HeadObjectCommand({ ...input, ChecksumMode: "ENABLED" }), {
    abortSignal,
  });
  const { ContentLength: size, ETag: etag } = head;
  if (size === undefined) throw new HeadwaterError("SIZE_UNKNOWN", `${name} does not say its size`);
  const found = { size, etag };
  const whole = wholeOf(head, size);
  if (whole !== undefined) return { ...found, parts: whole, md5: undefined };
  const composite = ALGORITHMS.some(
    (algorithm) => checksumOf({ ...head }, algorithm) !== undefined,
  );
  const parts = composite ? await askParts(connection, input, size, abortSignal) : undefined;
  if (parts !== undefined) return { ...found, parts, md5: undefined };
  return { ...found, parts: undefined, md5: await askMd5(connection, input, head, abortSignal) };
}

function checksumOf(
  from: { readonly [name: string]: unknown },
  algorithm: S3Algorithm,
): string | undefined {
  const value = from[`Checksum${algorithm.toUpperCase()}`];
  return typeof value === "string" ? value : undefined;
}

/** One of several parts has their count behind it. */
function wholeOf(head: HeadObjectCommandOutput, size: number): CheckedParts | undefined {
  for (const algorithm of ALGORITHMS) {
    const value = checksumOf({ ...head }, algorithm);
    if (value === undefined || value.includes("-") || head.ChecksumType === "COMPOSITE") continue;
    return { algorithm, list: [{ range: { offset: 0, length: size }, value }] };
  }
  return undefined;
}

/** Undefined where the parts do not make up the object. */
async function askParts(
  { sdk, client }: Connection,
  input: GetObjectCommandInput,
  size: number,
  abortSignal: AbortSignal,
): Promise<CheckedParts | undefined> {
  const list: CheckedPart[] = [];
  let algorithm: S3Algorithm | undefined;
  let offset = 0;
  for (let marker: string | undefined = "0"; marker !== undefined; ) {
    const command: InstanceType<typeof sdk.GetObjectAttributesCommand> =
      new sdk.GetObjectAttributesCommand({
        ...input,
        ObjectAttributes: ["ObjectParts"],
        PartNumberMarker: marker,
      });
    const { ObjectParts = {} } = await client.send(command, { abortSignal });
    for (const part of ObjectParts.Parts ?? []) {
      algorithm ??= ALGORITHMS.find((each) => checksumOf({ ...part }, each) !== undefined);
      const value = algorithm && checksumOf({ ...part }, algorithm);
      if (value === undefined || part.Size === undefined) return undefined;
      list.push({ range: { offset, length: part.Size }, value });
      offset += part.Size;
    }
    const { IsTruncated = false, NextPartNumberMarker: next } = ObjectParts;
    marker = IsTruncated && next !== marker ? next : undefined;
  }
  return algorithm === undefined || offset !== size ? undefined : { algorithm, list };
}

async function askMd5(
  { sdk, client }: Connection,
  input: GetObjectCommandInput,
  { ETag: etag = "", ContentLength: size = 0 }: HeadObjectCommandOutput,
  abortSignal: AbortSignal,
): Promise<StoredChecksums["md5"]> {
  const [, value, count] = /^"([0-9a-f]{32}(?:-(\d+))?)"$/.exec(etag) ?? [];
  if (value === undefined) return undefined;
  if (count === undefined) return { value, partSize: size };
  const command = new sdk.HeadObjectCommand({ ...input, PartNumber: 1 });
  const { ContentLength: partSize = 0 } = await client
    .send(command, { abortSignal })
    .catch((error) => {
      if (abortSignal.aborted) throw error;
      return { ContentLength: 0 }; // a store that does not tell its parts
    });
  const isOfThese = partSize > 0 && Math.ceil(size / partSize) === Number(count);
  return isOfThese ? { value, partSize } : undefined;
}
