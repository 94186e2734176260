import { type Answer, headOf, partOf, withHeaders } from "../answer.ts";
import type { Act, Fault } from "../fault.ts";

/** Content-Range as made from the true one; null for none. */
function range(claim: (part: { start: number; end: number; total: number }) => string | null): Act {
  return (wire, answer) =>
    wire.send(withHeaders(answer, { "content-range": claim(partOf(answer)) }));
}

function headers(changes: Readonly<Record<string, string | null>>): Act {
  return (wire, answer) => wire.send(withHeaders(answer, changes));
}

/** The true length, changed. */
function lengthOf(answer: Answer, by: number): Answer {
  return withHeaders(answer, { "content-length": `${answer.body.length + by}` });
}

const CHANGED = ["SOURCE_CHANGED"] as const;

/** What is wrong with what an answer says of its part, its length and its version. */
export const PARTS: readonly Fault[] = [
  {
    name: "range-shifted",
    what: "Content-Range names another part of the same length",
    act: range(({ start, end, total }) => `bytes ${start + 1}-${end + 1}/${total}`),
    lasting: ["SOURCE_FAILED"],
  },
  {
    name: "range-short",
    what: "Content-Range names less than was asked",
    act: range(({ start, end, total }) => `bytes ${start}-${end - 1}/${total}`),
    lasting: ["SOURCE_FAILED"],
  },
  {
    name: "range-other-size",
    what: "Content-Range names another size of the whole",
    act: range(({ start, end, total }) => `bytes ${start}-${end}/${total + 1}`),
    lasting: CHANGED,
    once: CHANGED,
    opening: [],
  },
  {
    name: "range-unknown-size",
    what: "Content-Range names no size of the whole",
    act: range(({ start, end }) => `bytes ${start}-${end}/*`),
    lasting: ["SIZE_UNKNOWN"],
    once: ["SIZE_UNKNOWN"],
  },
  {
    name: "range-missing",
    what: "206 without a Content-Range",
    act: range(() => null),
    lasting: ["SOURCE_FAILED"],
  },
  {
    name: "range-garbage",
    what: "a Content-Range that is none",
    act: range(({ start }) => `bytes ${start}--7/x`),
    lasting: ["SOURCE_FAILED"],
  },
  {
    name: "range-huge",
    what: "a Content-Range with numbers that no double holds",
    act: range(() => "bytes 18446744073709551615-18446744073709551616/36893488147419103232"),
    lasting: ["SOURCE_FAILED"],
  },
  {
    name: "range-twice",
    what: "two Content-Ranges that contradict each other",
    act: (wire, answer) => {
      const { start, end, total } = partOf(answer);
      const other = ["content-range", `bytes ${start + 9}-${end + 9}/${total}`] as const;
      return wire.send({ ...answer, headers: [...answer.headers, other] });
    },
    lasting: ["SOURCE_FAILED"],
  },
  {
    name: "length-too-small",
    what: "a Content-Length smaller than the body",
    act: (wire, answer) => wire.send(lengthOf(answer, -100)),
    lasting: ["SOURCE_FAILED"],
  },
  {
    name: "length-too-large",
    what: "a Content-Length larger than the body",
    act: async (wire, answer) => {
      await wire.send(lengthOf(answer, 100));
      wire.end();
    },
    lasting: ["SOURCE_FAILED"],
  },
  {
    name: "length-garbage",
    what: "a Content-Length that is no number",
    act: headers({ "content-length": "12 bytes" }),
    lasting: ["SOURCE_FAILED"],
  },
  {
    name: "length-twice",
    what: "two Content-Lengths that contradict each other",
    act: (wire, answer) =>
      wire.send({ ...answer, headers: [...answer.headers, ["content-length", "1"]] }),
    lasting: ["SOURCE_FAILED"],
  },
  {
    name: "length-and-transfer-encoding",
    what: "Content-Length and Transfer-Encoding: chunked both (request smuggling)",
    act: headers({ "transfer-encoding": "chunked" }),
    lasting: ["SOURCE_FAILED", "SHORT_READ"],
  },
  {
    name: "no-length",
    what: "no length at all: the body ends with the connection",
    act: async (wire, answer) => {
      await wire.write(headOf(withHeaders(answer, { "content-length": null })));
      await wire.write(answer.body);
      wire.end();
    },
    lasting: [],
    opening: [],
  },
  {
    name: "etag-changed",
    what: "another ETag: the blob was replaced",
    act: headers({ etag: '"another"' }),
    lasting: CHANGED,
    once: CHANGED,
    opening: [],
  },
  {
    name: "etag-weak",
    what: "the same ETag, but weak",
    act: (wire, answer) => {
      const etag = answer.headers.find(([name]) => name.toLowerCase() === "etag")?.[1] ?? "";
      return wire.send(withHeaders(answer, { etag: `W/${etag}` }));
    },
    lasting: CHANGED,
    once: CHANGED,
    opening: [],
  },
  {
    name: "etag-gone",
    what: "no ETag and no date, where there were both",
    act: headers({ etag: null, "last-modified": null }),
    lasting: CHANGED,
    once: CHANGED,
    opening: [],
  },
  {
    name: "etag-garbage",
    what: "an ETag that is none",
    act: headers({ etag: '"a"b"' }),
    lasting: CHANGED,
    once: CHANGED,
    opening: [],
  },
  {
    name: "changed-in-mid-body",
    what: "the body breaks off, and what follows is of another ETag",
    act: async (wire, answer) => {
      const { start } = partOf(answer);
      if (start % 65_536 !== 0) return wire.send(withHeaders(answer, { etag: '"another"' }));
      await wire.sendPart(answer, answer.body.length > 200_000 ? 150_001 : 50_001);
      return wire.end();
    },
    lasting: CHANGED,
    opening: [],
  },
];
