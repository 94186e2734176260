import { createHash } from "node:crypto";
import type { ReadableBlob } from "../streams/index.ts";

/** A blob with what there is to say of it to those who fetch it. */
export interface ServedBlob {
  readonly blob: ReadableBlob;
  /** Content-Type. Default application/octet-stream. */
  readonly type?: string;
  /** When the content was last changed, where that is known. */
  readonly lastModified?: Date;
}

/** What names the version of an answer (RFC 9110 section 8.8). */
export interface Validators {
  /** With its quotes, and `W/` before them where it is weak. */
  readonly etag: string | undefined;
  /** Without its milliseconds. */
  readonly lastModified: Date | undefined;
}

const NONE: Validators = { etag: undefined, lastModified: undefined };

/** Identities whose ETag is remembered. */
const MOST_TAGS = 64;
const tags = new Map<string, string>();

/**
 * The validators of a blob as it is now. Two clones of one identity have the same ETag, in every
 * process. What a user has written has no name, and so no validator.
 */
export function validatorsOf({ blob, lastModified }: ServedBlob): Validators {
  const state = blob.status?.();
  if (state?.written === true) return NONE;
  return {
    etag: state && tagOf(state.identity, blob.size, state.strongIdentity),
    lastModified: lastModified && new Date(Math.floor(lastModified.getTime() / 1000) * 1000),
  };
}

/** The identity names the origin: a hash of it says no more than whether it is the same. */
function tagOf(identity: string, size: number, isStrong: boolean): string {
  const name = `${identity} ${size} ${isStrong}`;
  const known = tags.get(name);
  if (known !== undefined) return known;
  const hash = createHash("sha256").update(`${identity}\n${size}`).digest("base64url");
  const tag = `${isStrong ? "" : "W/"}"${hash.slice(0, 27)}"`;
  if (tags.size === MOST_TAGS) tags.clear();
  tags.set(name, tag);
  return tag;
}
