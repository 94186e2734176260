import { readFileSync } from "node:fs";
import { messageOf, parseTrace, type Trace } from "../../lib/index.ts";
import { UsageError } from "./exit-codes.ts";
import { parseSize } from "./quantities.ts";

/**
 * Calls `parse`, whose complaints about what was typed become one sentence.
 *
 * @throws {UsageError}
 */
export function understand<Parsed>(parse: () => Parsed): Parsed {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    // What parseArgs goes on to say is of use for a value like -8:8 only.
    const [sentence = ""] = error.message.split(/[.;] (?=[A-Z])|\n/);
    const [, example] = /use '(--[^']+=-)/.exec(error.message) ?? [];
    const way = example === undefined ? "" : `: write ${example}... in one word`;
    throw new UsageError(sentence.replace(/\.$/, "") + way, { cause: error });
  }
}

/**
 * The arguments that are not options; undefined where one beyond `required` was left out.
 *
 * @throws {UsageError} when a required one is missing, or there are more than names.
 */
export function takePositionals(
  given: readonly string[],
  names: readonly string[],
  required: number = names.length,
): (string | undefined)[] {
  if (given.length < required) throw new UsageError(`the ${names[given.length]} is missing`);
  if (given.length > names.length) {
    throw new UsageError(`"${given[names.length]}" is one argument too many`);
  }
  return names.map((_, index) => given[index]);
}

/** @throws {UsageError} when it is not a whole number of at least 1. */
export function parseCount(option: string, text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count) || count < 1) {
    throw new UsageError(`--${option} is "${text}"; it must be a whole number of at least 1`);
  }
  return count;
}

/** @throws {UsageError} when it is not a number of at least 0, such as 0.09 or 4e-7. */
export function parseAmount(option: string, text: string): number {
  const amount = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isFinite(amount) && amount >= 0) return amount;
  throw new UsageError(`--${option} is "${text}"; it must be a number of at least 0`);
}

/** Which bytes to read. A negative offset counts from the end. */
export interface ReadRequest {
  readonly offset: number;
  readonly length: number;
}

/** @throws {UsageError} when it is not like 0:512, 1MiB:64KiB or -8:8. */
export function parseReadRequest(text: string): ReadRequest {
  const [, minus, offset = "", length = ""] = /^(-?)([^:]+):([^:]+)$/.exec(text) ?? [];
  if (offset === "") throw new UsageError(`--read is "${text}"; write OFFSET:LENGTH, like 0:512`);
  const start = understand(() => parseSize(offset));
  return {
    offset: minus === "-" ? -start : start,
    length: understand(() => parseSize(length)),
  };
}

/**
 * "Name: value" pairs as one object; a name that is given twice keeps both values.
 *
 * @throws {UsageError} when one has no colon or no name. The value, a secret maybe, is not named.
 */
export function parseHeaders(lines: readonly string[]): Record<string, string> {
  const headers = new Headers();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).trim();
    if (colon < 1 || name === "") throw new UsageError('a --header is written "Name: value"');
    try {
      headers.append(name, line.slice(colon + 1).trim());
    } catch (error) {
      throw new UsageError(`the header "${name}" cannot be sent as it is`, { cause: error });
    }
  }
  return Object.fromEntries(headers);
}

/** @throws {UsageError} when the file that an option names cannot be read. */
export function readOptionFile(option: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    throw new UsageError(`--${option}: "${path}" cannot be read (${code})`, { cause: error });
  }
}

/** @throws {UsageError} when the file that an option names cannot be read, or is no trace. */
export function readTrace(option: string, path: string): Trace {
  const json = readOptionFile(option, path);
  try {
    return parseTrace(json);
  } catch (error) {
    throw new UsageError(`--${option}: "${path}": ${messageOf(error)}`, { cause: error });
  }
}

const NOT_IN_A_NAME = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}/\\:*?"<>|]/gu;

/**
 * The last part of a URL's path, as a file name that is safe in any shell and on any system.
 *
 * @throws {UsageError} when there is none.
 */
export function fileNameOf(url: URL): string {
  const last = url.pathname.split("/").at(-1) ?? "";
  const name = decoded(last).replace(NOT_IN_A_NAME, "_");
  if (/^\.*$/.test(name)) {
    throw new UsageError("the URL names no file; say where to put it: headwater <url> <file>");
  }
  return name;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // not UTF-8: it stays as the URL has it
  }
}

/** @throws {UsageError} when it is not an absolute URL. What was typed is not repeated whole. */
export function parseUrl(text: string): URL {
  if (text.startsWith("s3://")) return parseS3Url(text);
  if (!URL.canParse(text)) {
    const typed = text.replace(/[?#].*$/s, "");
    throw new UsageError(`"${typed}" is not a URL; write for example https://example.org/big.bin`);
  }
  return new URL(text);
}

/** The key stands as it is, as in "aws s3 cp"; in the URL it is percent-encoded. */
function parseS3Url(text: string): URL {
  const [, bucket = "", key = ""] = /^s3:\/\/([^/]*)\/?(.*)$/s.exec(text) ?? [];
  const parts = key.split("/");
  if (parts.includes(".") || parts.includes("..")) {
    throw new UsageError('no URL can have a key with the part "." or ".."');
  }
  const url = `s3://${bucket}/${parts.map(encodeURIComponent).join("/")}`;
  if (bucket === "" || !URL.canParse(url)) {
    throw new UsageError("an S3 URL is written s3://bucket/key");
  }
  return new URL(url);
}
