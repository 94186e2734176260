import { HeadwaterError } from "../../lib/index.ts";

/**
 * How it is told that several sources have the same bytes.
 *
 * - "validator": by what their servers vouch for: the same strong ETag and the same size. Of other
 *   than HTTP sources the identities are compared.
 * - "size": by nothing but their size. For a copy that is checked by a manifest of digests.
 * - a function of a source's identity: what it returns, one line without a secret, is the same for
 *   sources with the same bytes.
 */
export type Sameness = "validator" | "size" | ((identity: string) => string);

/** What is the same for sources with the same bytes, and becomes their common identity. */
export async function keyOf(sameness: Sameness, identity: string, size: number): Promise<string> {
  if (sameness === "size") return `size=${size}`;
  if (typeof sameness === "function") return checkKey(sameness(identity));
  if (!/^https?:\/\//.test(identity)) return checkKey(identity);
  const { parseIdentity } = await import("../http/index.ts"); // loaded already, by who made it
  const { etag } = parseIdentity(identity).validators;
  if (etag === undefined || etag.startsWith("W/")) {
    const advice = 'check the copy by a manifest of digests and set `same` to "size"';
    const message = `a source has no strong ETag by which it could be told from another: ${advice}`;
    throw new HeadwaterError("SOURCE_FAILED", message);
  }
  return `etag=${etag} size=${size}`;
}

function checkKey(key: string): string {
  if (/^[^\n\r]+$/.test(key)) return key;
  throw new TypeError("what `same` returned is not one line");
}
