import type { ByteRange } from "../../lib/index.ts";

/** A response before its body. */
export interface ResponseHead {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** What a Content-Range says: the part, undefined in a 416, and the whole, undefined if unknown. */
export interface ContentRange {
  readonly part: ByteRange | undefined;
  readonly total: number | undefined;
}

/** A header that came twice is both values with a comma, as HTTP has it. */
export function headerOf(head: ResponseHead, name: string): string | undefined {
  const value = head.headers[name];
  return typeof value === "string" || value === undefined ? value : value.join(", ");
}

/** Undefined where there is none, or one that makes no sense. */
export function contentRangeOf(head: ResponseHead): ContentRange | undefined {
  const match = CONTENT_RANGE.exec(headerOf(head, "content-range") ?? "");
  if (match === null) return undefined;
  const [, first, last, whole = ""] = match;
  const total = whole === "*" ? undefined : Number(whole);
  if (total !== undefined && !Number.isSafeInteger(total)) return undefined;
  if (first === undefined || last === undefined) return { part: undefined, total };
  const offset = Number(first);
  const length = Number(last) - offset + 1;
  if (!Number.isSafeInteger(offset + length) || length < 1) return undefined;
  return { part: { offset, length }, total };
}

/** Undefined where the body's length is not said beforehand. */
export function contentLengthOf(head: ResponseHead): number | undefined {
  const text = headerOf(head, "content-length");
  if (text === undefined || headerOf(head, "transfer-encoding") !== undefined) return undefined;
  const length = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(length) ? length : undefined;
}

/** Milliseconds until the time that Retry-After names; it may be a date. */
export function retryAfterMsOf(head: ResponseHead): number | undefined {
  const text = headerOf(head, "retry-after");
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

const CONTENT_RANGE: RegExp = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+|\*)$/;
