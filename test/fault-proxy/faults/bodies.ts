import { gzipSync } from "node:zlib";
import type { Random } from "../../simulation/random.ts";
import { headOf, withBody, withHeaders } from "../answer.ts";
import type { Act, Fault } from "../fault.ts";
import type { Wire } from "../wire.ts";

/** A part of the body comes, anything from nothing to nearly all, and then this. */
function cut(then: (wire: Wire) => unknown): Act {
  return async (wire, answer, random) => {
    await wire.sendPart(answer, random.below(answer.body.length));
    await then(wire);
  };
}

/** The body with Transfer-Encoding: chunked, in one piece, with this for its size and its end. */
function chunked(size: (length: number) => string, end: string): Act {
  return async (wire, answer) => {
    const changes = { "content-length": null, "transfer-encoding": "chunked" };
    await wire.write(`${headOf(withHeaders(answer, changes))}${size(answer.body.length)}\r\n`);
    await wire.write(answer.body);
    await wire.write(end);
    if (!end.endsWith("0\r\n\r\n")) wire.end();
  };
}

/** Sends a body of the right length with other bytes in it. */
function other(change: (body: Buffer, random: Random) => Uint8Array): Act {
  return (wire, answer, random) => {
    const body = change(Buffer.from(answer.body), random);
    return wire.send({ ...answer, body });
  };
}

function swap(body: Buffer, random: Random): Uint8Array {
  const size = Math.floor(body.length / 4);
  const from = random.below(size);
  const piece = Buffer.from(body.subarray(from, from + size));
  body.copyWithin(from, from + 2 * size, from + 3 * size);
  piece.copy(body, from + 2 * size);
  return body;
}

const HIDDEN = { lasting: [], opening: [], isHidden: true } as const;

/** What goes wrong while a body is on its way. */
export const BODIES: readonly Fault[] = [
  {
    name: "reset-in-body",
    what: "the connection is reset anywhere in the body",
    act: cut((wire) => wire.reset()),
    lasting: ["right", "SOURCE_FAILED", "SHORT_READ"],
    opening: [],
  },
  {
    name: "end-in-body",
    what: "the connection is ended anywhere in the body",
    act: cut((wire) => wire.end()),
    lasting: ["right", "SOURCE_FAILED", "SHORT_READ"],
    opening: [],
  },
  {
    name: "silence-in-body",
    what: "nothing more comes from anywhere in the body on (a connection that is half open)",
    act: cut((wire) => wire.silence()),
    isSilent: true,
    lasting: ["right", "TIMEOUT"],
    opening: [],
  },
  {
    name: "drip",
    what: "the body comes a byte every 20 ms (slow loris)",
    act: async (wire, answer) => {
      await wire.write(headOf(answer));
      await wire.drip(answer.body, 1, 20);
    },
    isSilent: true,
    lasting: ["TIMEOUT"],
    opening: [],
  },
  {
    name: "slow-body",
    what: "the body comes at about 1 MB a second, all of it",
    act: async (wire, answer) => {
      await wire.write(headOf(answer));
      await wire.drip(answer.body, 10_000, 10);
    },
    lasting: [],
    opening: [],
  },
  {
    name: "short-answers",
    what: "every answer is cut after at most 70 000 bytes",
    act: async (wire, answer) => {
      if (answer.body.length <= 70_000) return wire.send(answer);
      await wire.sendPart(answer, 70_000);
      return wire.end();
    },
    lasting: [],
    opening: [],
  },
  {
    name: "body-too-long",
    what: "more bytes than were asked, without a length",
    act: async (wire, answer) => {
      await wire.write(headOf(withHeaders(answer, { "content-length": null })));
      await wire.write(Buffer.concat([answer.body, answer.body]));
      wire.end();
    },
    lasting: ["right", "SOURCE_FAILED"],
    opening: [],
  },
  {
    name: "chunked",
    what: "Transfer-Encoding: chunked, as it should be",
    act: chunked((length) => length.toString(16), "\r\n0\r\n\r\n"),
    lasting: [],
    opening: [],
  },
  {
    name: "chunked-without-end",
    what: "a chunked body without its last chunk",
    act: chunked((length) => length.toString(16), "\r\n"),
    lasting: [],
    opening: [],
  },
  {
    name: "chunked-garbage",
    what: "a chunked body with a size that is no number",
    act: chunked(() => "xyz", "\r\n0\r\n\r\n"),
    lasting: ["SOURCE_FAILED"],
    opening: [],
  },
  {
    name: "chunked-too-large",
    what: "a chunked body that says it is longer than it is",
    act: chunked((length) => (length + 100).toString(16), "\r\n"),
    lasting: ["right", "SOURCE_FAILED", "SHORT_READ"],
    opening: [],
  },
  {
    name: "gzip-unannounced",
    what: "a gzipped body, of which the headers say nothing",
    act: (wire, answer) => wire.send(withBody(answer, gzipSync(answer.body))),
    lasting: ["SOURCE_FAILED"],
  },
  {
    name: "swapped-bytes",
    what: "two pieces of the body have changed places",
    act: other(swap),
    ...HIDDEN,
  },
  {
    name: "repeated-bytes",
    what: "a piece of the body comes twice, and as much is missing at the end",
    act: other((body, random) => {
      const at = random.below(body.length - 1000);
      return Buffer.concat([body.subarray(0, at + 500), body.subarray(at)]).subarray(
        0,
        body.length,
      );
    }),
    ...HIDDEN,
  },
  {
    name: "flipped-bit",
    what: "a bit of the body is another",
    act: other((body, random) => {
      const at = random.below(body.length);
      body[at] = (body[at] ?? 0) ^ (1 << random.below(8));
      return body;
    }),
    ...HIDDEN,
  },
  {
    name: "zeroed-bytes",
    what: "zeros instead of a piece of the body",
    act: other((body, random) => {
      const at = random.below(body.length);
      return body.fill(0, at, at + 4096);
    }),
    ...HIDDEN,
  },
  {
    name: "another-version",
    what: "the bytes are of another version, under the same ETag",
    act: other((body) => body.map((byte) => byte ^ 0x55)),
    ...HIDDEN,
  },
];
