import { headOf, withHeaders } from "../answer.ts";
import type { Act, Fault } from "../fault.ts";

/** The headers, changed as text, and then the body. */
function withHead(change: (head: string) => string): Act {
  return async (wire, answer) => {
    await wire.write(change(headOf(answer)));
    await wire.write(answer.body);
  };
}

/** What goes wrong in the line and the headers before a body. */
export const HEADS: readonly Fault[] = [
  {
    name: "slow-headers",
    what: "the headers come a byte at a time and never end (slow loris)",
    act: async (wire, answer) => {
      await wire.drip(Buffer.from(headOf(answer).slice(0, -2)), 1, 20);
      await wire.silence();
    },
    isSilent: true,
    lasting: ["TIMEOUT"],
  },
  {
    name: "headers-in-bytes",
    what: "the headers come byte by byte, but they come",
    act: async (wire, answer) => {
      await wire.drip(Buffer.from(headOf(answer)), 7, 1);
      await wire.write(answer.body);
    },
    lasting: [],
    opening: [],
  },
  {
    name: "headers-cut",
    what: "the connection is ended in the middle of the headers",
    act: async (wire, answer) => {
      await wire.write(headOf(answer).slice(0, 60));
      wire.end();
    },
    lasting: ["SOURCE_FAILED"],
  },
  {
    name: "garbage-status-line",
    what: "the status line is none",
    act: withHead((head) => head.replace(/^HTTP.1\.1 \d+/, "HTTQ/1.1 2x6")),
    lasting: ["SOURCE_FAILED"],
  },
  {
    name: "garbage-header",
    what: "a header has a name that is none, and control characters",
    act: withHead((head) => head.replace("\r\n", "\r\nx\u0001 y\u0000: z\u0002\r\n")),
    lasting: ["SOURCE_FAILED"],
  },
  {
    name: "huge-headers",
    what: "the headers have a megabyte",
    act: withHead((head) => head.replace("\r\n\r\n", `\r\nx: ${"y".repeat(2 ** 20)}\r\n\r\n`)),
    lasting: ["SOURCE_FAILED"],
  },
  {
    name: "early-hints",
    what: "103 Early Hints come before the answer",
    act: withHead((head) => `HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n${head}`),
    lasting: [],
    opening: [],
  },
  {
    name: "endless-early-hints",
    what: "103 Early Hints come again and again, and never an answer",
    act: async (wire) => {
      const hint = "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";
      await wire.drip(Buffer.from(hint.repeat(500)), hint.length, 20);
    },
    isSilent: true,
    lasting: ["TIMEOUT"],
  },
  {
    name: "http-1.0",
    what: "the answer is HTTP/1.0, and the connection ends with it",
    act: async (wire, answer) => {
      await wire.write(headOf(answer, "1.0"));
      await wire.write(answer.body);
      wire.end();
    },
    lasting: [],
    opening: [],
  },
  {
    name: "late-answer",
    what: "each answer is 150 ms late",
    act: async (wire, answer) => {
      await new Promise((resolve) => setTimeout(resolve, 150));
      await wire.send(answer);
    },
    lasting: [],
    opening: [],
  },
  {
    name: "gzip-announced",
    what: "the body is said to be gzipped, though identity was asked",
    act: (wire, answer) => wire.send(withHeaders(answer, { "content-encoding": "gzip" })),
    lasting: ["RANGE_UNSUPPORTED"],
    once: ["RANGE_UNSUPPORTED"],
  },
];
