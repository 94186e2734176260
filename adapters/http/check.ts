import type { ByteRange } from "../../lib/index.ts";
import { type Asked, failure, statusFailure } from "./failures.ts";
import type { HttpSettings } from "./options.ts";
import { contentLengthOf, contentRangeOf, headerOf, type ResponseHead } from "./response-head.ts";
import { isSameVersion, type Validators, validatorsOf } from "./validators.ts";

/** What opening found: how large the blob is, and which part of it is on its way. */
export interface Opening {
  readonly size: number;
  readonly arriving: ByteRange;
}

/** What every response has to agree with. */
export interface Pinned {
  readonly size: number;
  readonly validators: Validators;
}

/**
 * Finds in the first response what there is to know.
 *
 * @returns undefined for a 416 that does not say how large the blob is.
 * @throws {HeadwaterError} when this cannot be the beginning of a copy.
 */
export function checkOpening(
  head: ResponseHead,
  asked: Asked,
  { opening, wholePass }: HttpSettings,
): Opening | undefined {
  if (head.status === 416) return checkUnsatisfied(head, asked);
  if (head.status !== 200 && head.status !== 206) throw statusFailure(head, asked);
  checkEncoding(head, asked);
  if (head.status === 206) {
    const { part, total } = checkContentRange(head, asked);
    const length = Math.min(opening.length, total);
    const offset = opening.from === "start" ? 0 : total - length;
    checkSamePart(part, { offset, length }, head, asked);
    return { size: total, arriving: part };
  }
  const size = contentLengthOf(head);
  if (size === undefined) throw unknownSize(asked);
  // All of a blob that is no larger than what was asked for is what was asked for.
  if (size > opening.length && !wholePass) throw rangeUnsupported(asked);
  return { size, arriving: { offset: 0, length: size } };
}

/**
 * Checks that a response brings exactly this part of the pinned version, before a byte of it is
 * handed on.
 */
export function checkPart(
  head: ResponseHead,
  asked: Asked & { readonly range: ByteRange },
  pinned: Pinned,
): void {
  const { status } = head;
  const { range } = asked;
  if (status === 416) throw lostPart(head, asked, pinned);
  if (status !== 200 && status !== 206) throw statusFailure(head, asked);
  if (!isSameVersion(pinned.validators, validatorsOf(head))) throw changed(asked);
  checkEncoding(head, asked);
  if (status === 206) {
    const { part, total } = checkContentRange(head, asked);
    if (total !== pinned.size) throw changed(asked);
    checkSamePart(part, range, head, asked);
    return;
  }
  const size = contentLengthOf(head);
  if (size !== undefined && size !== pinned.size) throw changed(asked);
  if (range.length < pinned.size) throw rangeUnsupported(asked);
  if (size === undefined) throw unknownSize(asked);
}

/** Checks that a response brings all of something whose size is not known. */
export function checkWhole(head: ResponseHead, asked: Asked): void {
  if (head.status !== 200) throw statusFailure(head, asked);
  checkEncoding(head, asked);
}

/** The source is another object than the one that was opened. */
function changed(asked: Asked): Error {
  return failure("SOURCE_CHANGED", asked, "is no longer the version that was opened");
}

function checkUnsatisfied(head: ResponseHead, asked: Asked): Opening | undefined {
  const total = contentRangeOf(head)?.total;
  if (total === undefined) return undefined;
  if (total === 0) return { size: 0, arriving: { offset: 0, length: 0 } };
  throw failure("SOURCE_FAILED", asked, `has ${total} bytes, and answered 416 when asked for some`);
}

function lostPart(head: ResponseHead, asked: Asked, pinned: Pinned): Error {
  const total = contentRangeOf(head)?.total;
  const sizeDiffers = total !== undefined && total !== pinned.size;
  return sizeDiffers ? changed(asked) : statusFailure(head, asked);
}

function checkEncoding(head: ResponseHead, asked: Asked): void {
  const encoding = headerOf(head, "content-encoding")?.toLowerCase() ?? "identity";
  if (encoding !== "identity") {
    const message = `sends its bytes with Content-Encoding: ${encoding}, though identity was asked`;
    throw failure("RANGE_UNSUPPORTED", asked, message);
  }
  if (headerOf(head, "content-type")?.toLowerCase().startsWith("multipart/byteranges")) {
    throw failure("RANGE_UNSUPPORTED", asked, "answered with several parts, and one was asked");
  }
}

function checkContentRange(head: ResponseHead, asked: Asked): { part: ByteRange; total: number } {
  const found = contentRangeOf(head);
  if (found?.part === undefined) throw wrongPart(head, asked);
  if (found.total === undefined) throw unknownSize(asked);
  return { part: found.part, total: found.total };
}

function checkSamePart(
  found: ByteRange,
  wanted: ByteRange,
  head: ResponseHead,
  asked: Asked,
): void {
  const samePart = found.offset === wanted.offset && found.length === wanted.length;
  const bodyLength = contentLengthOf(head) ?? wanted.length;
  if (!samePart || bodyLength !== wanted.length) throw wrongPart(head, asked);
}

/** Retryable: such an answer may come from one server of several. */
function wrongPart(head: ResponseHead, asked: Asked): Error {
  const range = headerOf(head, "content-range") ?? "none";
  const length = headerOf(head, "content-length") ?? "none";
  const message = `answered with another part (Content-Range: ${range}, Content-Length: ${length})`;
  return failure("SOURCE_FAILED", asked, message, { retryable: true });
}

function unknownSize(asked: Asked): Error {
  return failure("SIZE_UNKNOWN", asked, "does not say how large it is");
}

function rangeUnsupported(asked: Asked): Error {
  const advice = "the `wholePass` option takes it in one pass; otherwise download it first";
  return failure("RANGE_UNSUPPORTED", asked, `cannot serve a part (Range is ignored): ${advice}`);
}
