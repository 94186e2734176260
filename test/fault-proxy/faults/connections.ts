import { headOf } from "../answer.ts";
import type { Fault } from "../fault.ts";

/** What goes wrong with a connection, before or without an answer. */
export const CONNECTIONS: readonly Fault[] = [
  {
    name: "connection-refused",
    what: "nobody listens any more, and every connection is broken",
    act: (wire) => wire.refuse(),
    isRefusal: true,
    lasting: ["SOURCE_FAILED"],
  },
  {
    name: "reset-at-connection",
    what: "a connection is reset as soon as it is made",
    act: (wire) => wire.reset(),
    isAtConnection: true,
    lasting: ["SOURCE_FAILED"],
  },
  {
    name: "end-at-connection",
    what: "a connection is ended as soon as it is made",
    act: (wire) => wire.end(),
    isAtConnection: true,
    lasting: ["SOURCE_FAILED"],
  },
  {
    name: "mute-connection",
    what: "a connection is made, and nothing comes over it",
    act: (wire) => wire.silence(),
    isAtConnection: true,
    isSilent: true,
    lasting: ["TIMEOUT"],
  },
  {
    name: "another-protocol",
    what: "something else than HTTP answers, in binary",
    act: async (wire) => {
      await wire.write(Buffer.from([0x15, 3, 1, 0, 2, 2, 80, 0, 255, 13, 10, 13, 10]));
      wire.end();
    },
    lasting: ["SOURCE_FAILED"],
  },
  {
    name: "reset-before-answer",
    what: "the connection is reset instead of an answer",
    act: (wire) => wire.reset(),
    lasting: ["SOURCE_FAILED"],
  },
  {
    name: "end-before-answer",
    what: "the connection is ended instead of an answer",
    act: (wire) => wire.end(),
    lasting: ["SOURCE_FAILED"],
  },
  {
    name: "silence-before-answer",
    what: "nothing comes instead of an answer",
    act: (wire) => wire.silence(),
    isSilent: true,
    lasting: ["TIMEOUT"],
  },
  {
    name: "reset-after-answer",
    what: "the connection is reset just after each whole answer",
    act: async (wire, answer) => {
      await wire.send(answer);
      await wire.reset();
    },
    lasting: [],
    opening: [],
  },
  {
    name: "end-after-answer",
    what: "the connection is ended after each answer, which does not say so",
    act: async (wire, answer) => {
      await wire.send(answer);
      wire.end();
    },
    lasting: [],
    opening: [],
  },
  {
    name: "mute-after-answer",
    what: "a connection answers once and then never again, without being closed",
    act: async (wire, answer) => {
      await wire.send(answer);
      await wire.silence();
    },
    isSilent: true,
    lasting: [],
    opening: [],
  },
  {
    name: "answer-twice",
    what: "each answer is sent twice, so that the next request finds one that is not its own",
    act: async (wire, answer) => {
      await wire.write(Buffer.concat([Buffer.from(headOf(answer)), answer.body]));
      await wire.send(answer);
    },
    lasting: [],
    opening: [],
  },
];
