import { headerIn, plain, withBody, withHeaders } from "../answer.ts";
import type { Act, Fault } from "../fault.ts";

function status(code: number, headers: Readonly<Record<string, string>> = {}): Act {
  return (wire) => wire.send(plain(code, headers));
}

const TROUBLES: readonly [number, string][] = [
  [408, "408 Request Timeout"],
  [429, "429 Too Many Requests"],
  [500, "500 Internal Server Error"],
  [502, "502 Bad Gateway"],
  [503, "503 Service Unavailable"],
  [504, "504 Gateway Timeout"],
];

const REFUSALS: readonly [number, string][] = [
  [400, "400 Bad Request"],
  [401, "401 Unauthorized"],
  [403, "403 Forbidden"],
  [416, "416 Range Not Satisfiable, without a size"],
];

/** What goes wrong with the status. */
export const STATUSES: readonly Fault[] = [
  ...TROUBLES.map(
    ([code, what]): Fault => ({
      name: `status-${code}`,
      what,
      act: status(code),
      lasting: ["SOURCE_FAILED"],
    }),
  ),
  ...REFUSALS.map(
    ([code, what]): Fault => ({
      name: `status-${code}`,
      what,
      act: status(code),
      lasting: ["SOURCE_FAILED"],
      once: ["SOURCE_FAILED"],
      ...(code === 416 ? { opening: ["SIZE_UNKNOWN"] as const } : { isRefused: true }),
    }),
  ),
  {
    name: "retry-after",
    what: "503 with Retry-After: 1, which is kept to",
    act: status(503, { "retry-after": "1" }),
    lasting: ["SOURCE_FAILED"],
  },
  {
    name: "retry-after-nonsense",
    what: "429 with a Retry-After that is neither a number nor a date",
    act: status(429, { "retry-after": "soon, perhaps" }),
    lasting: ["SOURCE_FAILED"],
  },
  ...[404, 410].map(
    (code): Fault => ({
      name: `status-${code}`,
      what: code === 404 ? "404 Not Found" : "410 Gone",
      act: status(code),
      lasting: ["SOURCE_NOT_FOUND"],
      once: ["SOURCE_NOT_FOUND"],
    }),
  ),
  {
    name: "status-412",
    what: "412 Precondition Failed, though the version is the same",
    act: status(412),
    lasting: ["SOURCE_FAILED"],
    once: [],
  },
  {
    name: "status-204",
    what: "204 No Content",
    act: (wire, answer) => wire.send({ ...withBody(answer, Buffer.alloc(0)), status: 204 }),
    lasting: ["SOURCE_FAILED", "SHORT_READ"],
    once: ["SOURCE_FAILED", "SHORT_READ"],
  },
  {
    name: "status-304",
    what: "304 Not Modified, which nobody asked for",
    act: (wire, answer) => wire.send({ ...withBody(answer, Buffer.alloc(0)), status: 304 }),
    lasting: ["SOURCE_FAILED", "SHORT_READ"],
    once: ["SOURCE_FAILED", "SHORT_READ"],
  },
  {
    name: "login-page",
    what: "200 with a page of HTML instead of the blob (a captive portal)",
    act: (wire) => {
      const page = Buffer.from(`<html>${"please log in ".repeat(90)}</html>`);
      return wire.send(withBody(withHeaders(plain(200), { "content-type": "text/html" }), page));
    },
    lasting: ["SOURCE_CHANGED"],
    once: ["SOURCE_CHANGED"],
    opening: [],
  },
  {
    name: "range-ignored",
    what: "200 with the whole instead of a part",
    act: (wire, answer) => {
      const whole = withHeaders(answer, { "content-range": null, "content-length": "786432" });
      return wire.send({ ...whole, status: 200, body: Buffer.alloc(786_432) });
    },
    lasting: ["RANGE_UNSUPPORTED"],
    once: ["RANGE_UNSUPPORTED"],
  },
  {
    name: "several-parts",
    what: "206 as multipart/byteranges, though one part was asked",
    act: (wire, answer) => {
      const range = headerIn(answer, "content-range") ?? "";
      const part = `--x\r\ncontent-range: ${range}\r\n\r\n`;
      const body = Buffer.concat([Buffer.from(part), answer.body, Buffer.from("\r\n--x--\r\n")]);
      const type = { "content-type": "multipart/byteranges; boundary=x", "content-range": null };
      return wire.send(withBody(withHeaders(answer, type), body));
    },
    lasting: ["RANGE_UNSUPPORTED"],
    once: ["RANGE_UNSUPPORTED"],
  },
];
