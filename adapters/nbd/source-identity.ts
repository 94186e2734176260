import { HeadwaterError } from "../../lib/index.ts";

/** What an identity says: which export, in which version, how large. */
export interface NbdIdentity {
  /** The URI without user information and whatever says only how to connect. */
  readonly name: string;
  /** The `identity` option; undefined where nobody named one. */
  readonly version: string | undefined;
  readonly size: number;
}

/**
 * One line, for people too.
 *
 * ```text
 * nbd://example.org:10809/disk unvalidated size=1048576
 * nbd+unix:///disk?socket=/run/nbd.sock identity="2024-05" size=1048576
 * ```
 */
export function formatIdentity({ name, version, size }: NbdIdentity): string {
  return `${name} ${version === undefined ? "unvalidated" : `identity="${version}"`} size=${size}`;
}

/** @throws {HeadwaterError} `CORRUPT` when this is not an identity of an NBD source. */
export function parseIdentity(identity: string): NbdIdentity {
  const match = LINE.exec(identity);
  const [, name = "", version, digits = ""] = match ?? [];
  const size = Number(digits);
  if (match === null || !Number.isSafeInteger(size)) {
    throw new HeadwaterError("CORRUPT", "the stored identity is not one of an NBD source");
  }
  return { name, version, size };
}

/** A name is written without spaces, and a version without quotes. */
const LINE: RegExp = /^(nbds?(?:\+unix)?:\/\/\S+) (?:identity="([^"]*)"|unvalidated) size=(\d+)$/;
