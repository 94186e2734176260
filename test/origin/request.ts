/** A request as it came: no body is ever read. */
export interface OriginRequest {
  readonly method: string;
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A Range header: from `start` to `end` inclusive, or the last `suffix` bytes. */
export type RangeHeader =
  | { readonly start: number; readonly end: number }
  | { readonly suffix: number };

/** Parses what stands before the empty line. */
export function parseRequest(text: string): OriginRequest {
  const [line = "", ...rest] = text.split("\r\n");
  const [method = "", target = "/"] = line.split(" ");
  const headers: Record<string, string> = {};
  for (const header of rest) {
    const colon = header.indexOf(":");
    headers[header.slice(0, colon).toLowerCase()] = header.slice(colon + 1).trim();
  }
  return { method, url: new URL(target, `http://${headers.host ?? "origin"}`), headers };
}

/** Undefined where there is none, or none that this origin understands. */
export function parseRange(text: string | undefined): RangeHeader | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(text ?? "");
  if (match === null) return undefined;
  const [, start = "", end = ""] = match;
  if (start === "") return end === "" ? undefined : { suffix: Number(end) };
  return { start: Number(start), end: end === "" ? Number.POSITIVE_INFINITY : Number(end) };
}
