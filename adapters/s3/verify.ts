import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { type ByteRange, HeadwaterError } from "../../lib/index.ts";
import { formatIdentity } from "../http/index.ts";
import { nameOf, parseS3Address, type S3Address } from "./address.ts";
import { Calls } from "./calls.ts";
import { askChecksums, type StoredChecksums } from "./checksums.ts";
import { connect } from "./client.ts";
import { newDigest, type S3Algorithm } from "./digests.ts";
import { sdkFailure } from "./failures.ts";
import { getObjectInput } from "./object-request.ts";
import { checkOptions, type S3Options } from "./options.ts";

/** What comparing a file with the checksums of an object has found. */
export interface S3Verdict {
  /** Of the object as it is now, as that of a source. */
  readonly identity: string;
  /** Of the object, in bytes. */
  readonly size: number;
  readonly fileSize: number;
  readonly algorithm: S3Algorithm;
  /** What differs: whole parts of an upload, or everything. Empty where the sizes do. */
  readonly ranges: readonly ByteRange[];
}

export interface S3VerifyOptions extends S3Options {
  signal?: AbortSignal;
  /** Called now and then with how much of the file was read, in bytes. */
  checked?: (position: number) => void;
}

/** The file is read in pieces of this size, so that nothing else waits for long. */
const PIECE_SIZE: number = 256 * 2 ** 10;

/**
 * Compares a file with the checksums that the store keeps of an object, which costs a request or
 * two, and not the object: CRC64NVME, CRC32C, CRC32, SHA-256 and SHA-1 of the whole or of each part
 * of its upload, or an ETag that is an MD5.
 *
 * @throws {HeadwaterError} `SOURCE_FAILED` where the store keeps nothing that the file can be
 *   compared with. An ETag that does not fit the file is that too, since not every one is an MD5.
 */
export async function verifyByChecksum(
  file: string,
  address: string | URL | S3Address,
  options: S3VerifyOptions = {},
): Promise<S3Verdict> {
  const object = parseS3Address(address);
  checkOptions(options);
  const name = nameOf(object, options.versionId);
  const input = getObjectInput(object, options);
  const connection = await connect(options, options.signal);
  const call = new Calls(name).begin(options.signal);
  try {
    const stored = await askChecksums(connection, input, name, call.signal);
    const { size, etag } = stored;
    const identity = formatIdentity({ name, size, validators: { etag, lastModified: undefined } });
    await using handle = await open(file);
    const { size: fileSize } = await handle.stat();
    const algorithm = stored.parts?.algorithm ?? "md5";
    const verdict = { identity, size, fileSize, algorithm };
    if (fileSize !== size) return { ...verdict, ranges: [] };
    return { ...verdict, ranges: await compare(handle, stored, name, options) };
  } catch (error) {
    throw sdkFailure(error, name, call.signal);
  } finally {
    call.end();
    connection.close();
  }
}

async function compare(
  file: FileHandle,
  { parts, md5, size }: StoredChecksums,
  name: string,
  options: S3VerifyOptions,
): Promise<ByteRange[]> {
  if (parts !== undefined) {
    const wrong: ByteRange[] = [];
    for (const { range, value } of parts.list) {
      const digest = await digestOf(file, range, parts.algorithm, options);
      if (Buffer.from(digest).toString("base64") !== value) wrong.push(range);
    }
    return wrong;
  }
  if (md5 !== undefined) {
    const isWhole = !md5.value.includes("-");
    const found = isWhole
      ? hex(await digestOf(file, { offset: 0, length: size }, "md5", options))
      : await etagOfParts(file, size, md5.partSize, options);
    if (found === md5.value) return [];
  }
  const why = md5 === undefined ? "" : "; its ETag does not fit the file, or is no MD5";
  const message = `${name} has no checksum that the file can be compared with${why}`;
  throw new HeadwaterError("SOURCE_FAILED", `${message}: compare it with its bytes instead`);
}

/** As S3 makes the ETag of an upload in parts. */
async function etagOfParts(
  file: FileHandle,
  size: number,
  partSize: number,
  options: S3VerifyOptions,
): Promise<string> {
  const all = createHash("md5");
  let count = 0;
  for (let offset = 0; offset < size; offset += partSize) {
    const length = Math.min(partSize, size - offset);
    all.update(await digestOf(file, { offset, length }, "md5", options));
    count += 1;
  }
  return `${all.digest("hex")}-${count}`;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

async function digestOf(
  file: FileHandle,
  { offset, length }: ByteRange,
  algorithm: S3Algorithm,
  { signal, checked }: S3VerifyOptions,
): Promise<Uint8Array> {
  const digest = newDigest(algorithm);
  const piece = new Uint8Array(PIECE_SIZE);
  for (let at = 0; at < length; ) {
    signal?.throwIfAborted();
    const most = Math.min(PIECE_SIZE, length - at);
    const { bytesRead } = await file.read(piece, 0, most, offset + at);
    if (bytesRead === 0) {
      throw new HeadwaterError("SHORT_READ", `the file ended at ${offset + at} while it was read`);
    }
    digest.update(piece.subarray(0, bytesRead));
    at += bytesRead;
    checked?.(offset + at);
  }
  return digest.digest();
}
