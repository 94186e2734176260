import { type ByteRange, joinRanges } from "../../lib/index.ts";

/**
 * Which parts a Range header asks for (RFC 9110 section 14), as far as they lie in the blob, in the
 * order in which they were asked for; those that overlap or touch are one, so that no byte is sent
 * twice. None where nothing of it can be had, or it makes no sense. Undefined where there is
 * nothing to be read out of it: of another unit, or a suffix of nothing.
 */
export function parseRange(
  header: string,
  size: number,
  maxRanges: number,
): readonly ByteRange[] | undefined {
  const [, specifiers] = /^bytes=(.*)$/i.exec(header) ?? [];
  if (specifiers === undefined) return undefined;
  const listed = specifiers.split(",", LONGEST_LIST + 1).map((each) => each.trim());
  const asked = listed.filter((each) => each !== "");
  if (listed.length > LONGEST_LIST || asked.length > maxRanges) return [];
  const parsed = asked.map(parseSpecifier);
  if (!parsed.every((each) => each !== undefined)) return [];
  // Any suffix of an empty blob is all of it, which no Content-Range can say.
  if (size === 0 && parsed.some(({ suffix = 0 }) => suffix > 0)) return undefined;
  return joinRanges(parsed.map((each) => within(each, size)));
}

/** Commas with nothing between them are allowed, and so counted too. */
const LONGEST_LIST = 1024;

/** As it was asked: `last` may lie anywhere. Numbers that are too large are infinite or nearly so. */
interface Specifier {
  readonly suffix?: number;
  readonly first: number;
  readonly last: number;
}

function parseSpecifier(text: string): Specifier | undefined {
  const [, first = "", last = ""] = /^(\d*)-(\d*)$/.exec(text) ?? [];
  if (first === "") {
    return last === "" ? undefined : { suffix: Number(last), first: 0, last: Infinity };
  }
  const specifier = { first: Number(first), last: last === "" ? Infinity : Number(last) };
  return specifier.last < specifier.first ? undefined : specifier;
}

function within({ suffix, first, last }: Specifier, size: number): ByteRange {
  const offset = suffix === undefined ? first : Math.max(0, size - suffix);
  return { offset, length: Math.max(0, Math.min(last, size - 1) - offset + 1) };
}
