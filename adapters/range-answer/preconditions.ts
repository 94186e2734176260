import { parseHttpDate } from "./http-date.ts";
import type { Validators } from "./served-blob.ts";

/** Gives a header of the request by its name in small letters. */
export type HeaderOf = (name: string) => string | undefined;

/**
 * What the preconditions of a GET or HEAD lead to (RFC 9110 section 13.2.2): 412, 304, or undefined
 * where the request is to be answered.
 */
export function judge(header: HeaderOf, validators: Validators): 304 | 412 | undefined {
  const { etag } = validators;
  const lastModified = validators.lastModified?.getTime();
  const match = header("if-match");
  if (match !== undefined) {
    if (!matches(match, etag, isSameStrong)) return 412;
  } else if (lastModified !== undefined) {
    const since = parseHttpDate(header("if-unmodified-since") ?? "");
    if (since !== undefined && lastModified > since) return 412;
  }
  const noneMatch = header("if-none-match");
  if (noneMatch !== undefined) return matches(noneMatch, etag, isSameWeak) ? 304 : undefined;
  const since = parseHttpDate(header("if-modified-since") ?? "");
  const isOld = since !== undefined && lastModified !== undefined && lastModified <= since;
  return isOld ? 304 : undefined;
}

/** Whether If-Range, if there is one, lets a range be answered (RFC 9110 section 13.1.5). */
export function allowsRange(header: HeaderOf, validators: Validators, now: number): boolean {
  const given = header("if-range");
  if (given === undefined) return true;
  if (given.includes('"')) return isSameStrong(given.trim(), validators.etag);
  const lastModified = validators.lastModified?.getTime();
  if (lastModified === undefined) return false;
  // Within the second of a change there may be another one that the date does not show.
  return parseHttpDate(given) === lastModified && now - lastModified >= 1000;
}

function matches(
  list: string,
  etag: string | undefined,
  isSame: (given: string, etag: string | undefined) => boolean,
): boolean {
  if (list.trim() === "*") return true; // there is something, whatever its name
  return (list.match(/(?:W\/)?"[^"]*"/g) ?? []).some((given) => isSame(given, etag));
}

/** The strong comparison (RFC 9110 section 8.8.3.2): a weak one is like nothing. */
function isSameStrong(given: string, etag: string | undefined): boolean {
  return given === etag && !given.startsWith("W/");
}

function isSameWeak(given: string, etag: string | undefined): boolean {
  return etag !== undefined && given.replace(/^W\//, "") === etag.replace(/^W\//, "");
}
