import { randomUUID } from "node:crypto";
import type { ByteRange } from "../../lib/index.ts";
import { allowsRange, type HeaderOf, judge } from "./preconditions.ts";
import { parseRange } from "./range-header.ts";
import { type ServedBlob, type Validators, validatorsOf } from "./served-blob.ts";

export interface AnswerRequest {
  readonly method: "GET" | "HEAD";
  readonly header: HeaderOf;
  /** Ranges in one request at most. */
  readonly maxRanges: number;
}

/** Everything of an answer but the bytes of the blob. */
export interface Answer {
  readonly status: 200 | 206 | 304 | 412 | 416;
  readonly headers: Readonly<Record<string, string>>;
  /** In order: texts, and parts of the blob. Empty for a HEAD. */
  readonly body: readonly (string | ByteRange)[];
  /** What the blob was called when this was said. */
  readonly validators: Validators;
}

const DEFAULT_TYPE = "application/octet-stream";

/** What is answered to a GET or HEAD of a blob (RFC 9110). It is of the blob as it is now. */
export function answerTo(request: AnswerRequest, served: ServedBlob): Answer {
  const { method, header, maxRanges } = request;
  const { size } = served.blob;
  const { type = DEFAULT_TYPE } = served;
  const validators = validatorsOf(served);
  const common = { "accept-ranges": "bytes", ...validatorHeaders(validators) };
  const judged = judge(header, validators);
  if (judged === 304) return { status: 304, headers: common, body: [], validators };
  if (judged === 412) return textAnswer(request, 412, "it is not as asked for", {}, validators);

  const range = header("range");
  // Ranges are defined for GET alone.
  const isPart =
    method === "GET" && range !== undefined && allowsRange(header, validators, Date.now());
  const ranges = isPart ? parseRange(range, size, maxRanges) : undefined;
  if (ranges === undefined) {
    const headers = { ...common, "content-type": type, "content-length": `${size}` };
    const body = method === "HEAD" ? [] : [{ offset: 0, length: size }];
    return { status: 200, headers, body, validators };
  }
  const [first, ...others] = ranges;
  if (first === undefined) {
    const unsatisfied = { ...common, "content-range": `bytes */${size}` };
    const message = `no such bytes among ${size}, or more than ${maxRanges} ranges`;
    return textAnswer(request, 416, message, unsatisfied, validators);
  }
  if (others.length > 0) {
    return { ...severalParts(ranges, type, size, common), validators };
  }
  const headers = {
    ...common,
    "content-type": type,
    "content-length": `${first.length}`,
    "content-range": contentRange(first, size),
  };
  return { status: 206, headers, body: [first], validators };
}

/** RFC 9110 section 14.6. */
function severalParts(
  ranges: readonly ByteRange[],
  type: string,
  size: number,
  common: Readonly<Record<string, string>>,
): Pick<Answer, "status" | "headers" | "body"> {
  const boundary = randomUUID();
  const body = ranges.flatMap((range, index) => [
    `${index === 0 ? "" : "\r\n"}--${boundary}\r\n` +
      `content-type: ${type}\r\ncontent-range: ${contentRange(range, size)}\r\n\r\n`,
    range,
  ]);
  body.push(`\r\n--${boundary}--\r\n`);
  const length = body.reduce((sum, part) => sum + part.length, 0); // the texts are ASCII
  const headers = {
    ...common,
    "content-type": `multipart/byteranges; boundary=${boundary}`,
    "content-length": `${length}`,
  };
  return { status: 206, headers, body };
}

function textAnswer(
  { method }: AnswerRequest,
  status: 412 | 416,
  message: string,
  headers: Readonly<Record<string, string>>,
  validators: Validators,
): Answer {
  const text = `${message}\n`;
  return {
    status,
    headers: {
      ...headers,
      "content-type": "text/plain; charset=utf-8",
      "content-length": `${Buffer.byteLength(text)}`,
    },
    body: method === "HEAD" ? [] : [text],
    validators,
  };
}

function contentRange({ offset, length }: ByteRange, size: number): string {
  return `bytes ${offset}-${offset + length - 1}/${size}`;
}

function validatorHeaders({ etag, lastModified }: Validators): Record<string, string> {
  return {
    ...(etag !== undefined && { etag }),
    ...(lastModified !== undefined && { "last-modified": lastModified.toUTCString() }),
  };
}
