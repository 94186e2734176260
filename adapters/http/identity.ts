import { HeadwaterError } from "../../lib/index.ts";
import type { Validators } from "./validators.ts";

/** What an identity says: which object, in which version, how large. */
export interface HttpIdentity {
  /** The URL without query, user information and fragment; or the name that was given for it. */
  readonly name: string;
  readonly validators: Validators;
  readonly size: number;
}

/**
 * One line, for people too: the URL without what is secret in it, the best validator, the size.
 *
 * ```text
 * https://example.org/big.bin etag="5f-61a" size=1048576
 * https://example.org/big.bin etag=W/"5f-61a" size=1048576
 * https://example.org/big.bin last-modified="Tue, 02 Jan 2024 00:00:00 GMT" size=1048576
 * https://example.org/big.bin unvalidated size=1048576
 * ```
 */
export function formatIdentity({ name, validators, size }: HttpIdentity): string {
  return `${name} ${formatValidator(validators)} size=${size}`;
}

/** @throws {HeadwaterError} `CORRUPT` when this is not an identity of an HTTP source. */
export function parseIdentity(identity: string): HttpIdentity {
  const match = LINE.exec(identity);
  const [, name = "", etag, lastModified, digits = ""] = match ?? [];
  const size = Number(digits);
  if (match === null || !Number.isSafeInteger(size)) {
    throw new HeadwaterError("CORRUPT", "the stored identity is not one of an HTTP source");
  }
  return { name, validators: { etag, lastModified }, size };
}

/** A URL is serialised without spaces, and a validator without quotes inside. */
const LINE: RegExp =
  /^([a-z][a-z0-9+.-]*:\/\/\S+) (?:etag=((?:W\/)?"[^"]*")|last-modified="([^"]*)"|unvalidated) size=(\d+)$/;

function formatValidator({ etag, lastModified }: Validators): string {
  if (etag !== undefined) return `etag=${etag}`;
  return lastModified === undefined ? "unvalidated" : `last-modified="${lastModified}"`;
}
