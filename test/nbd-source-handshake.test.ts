import type { Socket } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type NbdOptions, nbd } from "../adapters/nbd/index.ts";
import type { HeadwaterError, HeadwaterErrorCode } from "../lib/index.ts";
import {
  contentOf,
  type Faults,
  FaultyServer,
  join,
  optionReply,
} from "./nbd-source-faulty-server.ts";
import { isFailure, withSource } from "./nbd-source-faulty-setup.ts";
import { failure } from "./rejection.ts";

const test = suite("NBD source and faulty handshakes");

async function failureOfOpening(faults: Faults, options: NbdOptions = {}): Promise<HeadwaterError> {
  const server = await FaultyServer.start(faults);
  try {
    return await failure(nbd(server.uri, options).open());
  } finally {
    await server.close();
  }
}

test("what is no NBD server is no source", async () => {
  const error = await failureOfOpening({
    greeting: Buffer.from("SSH-2.0-OpenSSH_9.2 or so\r\n"),
  });
  isFailure(error, "SOURCE_FAILED", false, /is no NBD server/);
});

test("the old protocol, which has no names, is not spoken", async () => {
  const greeting = Buffer.concat([
    join(64, 0x4e42444d41474943n, 64, 0x420281861253n),
    Buffer.alloc(136),
  ]);
  isFailure(await failureOfOpening({ greeting }), "SOURCE_FAILED", false, /old NBD protocol/);
});

test("a server that says nothing, or stops in its greeting, is given up", async () => {
  for (const greeting of [Buffer.alloc(0), Buffer.from("NBDMAGICIHAVE")]) {
    const error = await failureOfOpening({ greeting }, { connectTimeoutMs: 150 });
    isFailure(error, "TIMEOUT", true, /within 150 ms/);
  }
});

test("a server that hangs up in the handshake can be tried again", async () => {
  const error = await failureOfOpening({
    onOption: (_, socket) => socket.destroy() !== undefined,
  });
  isFailure(error, "SOURCE_FAILED", true, /ECONNRESET|ended the connection/);
});

test("answers to options that were not asked are refused", async () => {
  const wrong: readonly [Buffer, RegExp][] = [
    [Buffer.alloc(20, 1), /does not begin like one/],
    [optionReply(3, 1), /option 3 where/],
    [join(64, 0x0003e889045565a9n, 32, 8, 32, 1, 32, 0xffffffff), /4294967295 bytes/],
  ];
  for (const [bytes, words] of wrong) {
    const error = await failureOfOpening({ onOption: (_, socket) => socket.write(bytes) });
    isFailure(error, "CORRUPT", true, words);
  }
});

test("block sizes that make no sense are refused", async () => {
  for (const [minimum, maximum] of [
    [0, 1024],
    [3, 1024],
    [4096, 512],
    [2 ** 17, 2 ** 20],
  ]) {
    const info = join(16, 3, 32, minimum ?? 0, 32, 4096, 32, maximum ?? 0);
    const error = await failureOfOpening({
      onOption: (option, socket) => option === 7 && socket.write(optionReply(7, 3, info)),
    });
    isFailure(error, "CORRUPT", true, /block sizes/);
  }
});

test("an export without a size is refused, and one that is too large for us", async () => {
  const unsaid = await failureOfOpening({
    onOption: (option, socket) => option === 7 && socket.write(optionReply(7, 1)),
  });
  isFailure(unsaid, "CORRUPT", true, /how large/);
  const info = join(16, 0, 64, 2n ** 60n, 16, 1);
  const large = await failureOfOpening({
    onOption: (option, socket) => option === 7 && socket.write(optionReply(7, 3, info)),
  });
  isFailure(large, "SOURCE_FAILED", false, /larger than/);
});

test("each refusal of an export has its meaning", async () => {
  const meanings: readonly [number, HeadwaterErrorCode, boolean, RegExp][] = [
    [0x80000006, "SOURCE_NOT_FOUND", false, /no export of this server: not here$/],
    [0x80000002, "SOURCE_FAILED", false, /not allowed/],
    [0x80000005, "SOURCE_FAILED", false, /write nbds/],
    [0x80000007, "SOURCE_FAILED", true, /shutting down/],
    [0x80000004, "SOURCE_FAILED", false, /0x80000004/],
  ];
  for (const [type, code, retryable, words] of meanings) {
    const answer = optionReply(7, type, Buffer.from("not here"));
    const error = await failureOfOpening({
      onOption: (option, socket) => option === 7 && socket.write(answer),
    });
    isFailure(error, code, retryable, words);
  }
});

test("a server that does not know GO is asked as before", async () => {
  const onOption = (option: number, socket: Socket): boolean =>
    option === 7 && socket.write(optionReply(7, 0x80000001));
  // The zeros that were once sent after the flags are not: both sides said so.
  await withSource({ onOption }, async (source) => {
    assert.is(source.size, 2 ** 20);
    assert.equal(Buffer.from(await source.read(3, 5)), contentOf({ offset: 3, length: 5 }));
  });
});

test("what is sent in the clear after TLS was agreed upon is not believed", async () => {
  const server = await FaultyServer.start({
    onOption: (option, socket) =>
      option === 5 && socket.write(Buffer.concat([optionReply(5, 1), optionReply(8, 1)])),
  });
  try {
    const error = await failure(nbd(server.uri.replace("nbd:", "nbds:")).open());
    isFailure(error, "CORRUPT", true, /before TLS had begun/);
  } finally {
    await server.close();
  }
});

test("a second connection that never comes holds nothing up for ever", async () => {
  let greeted = 0;
  await withSource(
    {
      onOption: (option) => {
        if (option === 8) greeted += 1;
        return greeted > 1;
      },
    },
    async (source) => {
      await source.read(0, 10, { class: "demand" });
      const bytes = await source.read(500, 10, { class: "background" });
      assert.equal(Buffer.from(bytes), contentOf({ offset: 500, length: 10 }));
    },
    { connectTimeoutMs: 200 },
  );
});

test.run();
