import { headerOf, type ResponseHead } from "./response-head.ts";

/** What a server says of the version of an object. */
export interface Validators {
  /** With its quotes, and `W/` before them where it is weak. */
  readonly etag: string | undefined;
  /** As it was sent: it is compared, never computed with. */
  readonly lastModified: string | undefined;
}

/** What does not have the form of a validator is none. */
export function validatorsOf(head: ResponseHead): Validators {
  const etag = headerOf(head, "etag");
  const lastModified = headerOf(head, "last-modified");
  return {
    etag: etag !== undefined && ETAG.test(etag) ? etag : undefined,
    lastModified: lastModified?.includes('"') ? undefined : lastModified,
  };
}

/** Whether the ETag changes with every byte. A weak one may stay, and never matches If-Match. */
export function isStrong(etag: string): boolean {
  return !etag.startsWith("W/");
}

/**
 * Whether a response is of the pinned version, by the best validator that was pinned. One that no
 * longer says its version is not trusted to be the same.
 */
export function isSameVersion(pinned: Validators, found: Validators): boolean {
  if (pinned.etag !== undefined) return pinned.etag === found.etag;
  return pinned.lastModified === undefined || pinned.lastModified === found.lastModified;
}

/** The headers that ask for this version only. None where no validator is strong enough. */
export function preconditionsOf({ etag, lastModified }: Validators): Record<string, string> {
  if (etag !== undefined && isStrong(etag)) return { "if-match": etag };
  return lastModified === undefined ? {} : { "if-unmodified-since": lastModified };
}

const ETAG: RegExp = /^(W\/)?"[^"]*"$/;
