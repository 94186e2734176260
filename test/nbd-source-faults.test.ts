import type { Socket } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type NbdOptions, nbd } from "../adapters/nbd/index.ts";
import type { HeadwaterError, HeadwaterErrorCode, SourceDevice } from "../lib/index.ts";
import {
  type AskedRead,
  answerWell,
  contentOf,
  dataPart,
  type Faults,
  FaultyServer,
  join,
  optionReply,
  part,
  simpleReply,
} from "./nbd-source-faulty-server.ts";
import { failure, rejection } from "./rejection.ts";

const test = suite("NBD source and faulty servers");

/** Runs with a source of a server with these faults, and closes both. */
async function withSource(
  faults: Faults,
  run: (source: SourceDevice, server: FaultyServer) => Promise<void>,
  options: NbdOptions = {},
): Promise<void> {
  const server = await FaultyServer.start(faults);
  try {
    const source = await nbd(server.uri, options).open();
    try {
      await run(source, server);
    } finally {
      await source.close();
    }
  } finally {
    await server.close();
  }
}

async function failureOfOpening(faults: Faults, options: NbdOptions = {}): Promise<HeadwaterError> {
  const server = await FaultyServer.start(faults);
  try {
    return await failure(nbd(server.uri, options).open());
  } finally {
    await server.close();
  }
}

/** The failure of a read; the next one, over a new connection, is good. */
async function failureOfRead(
  onRead: (read: AskedRead, socket: Socket, server: FaultyServer) => void,
  faults: Faults = {},
): Promise<HeadwaterError> {
  let found: HeadwaterError | undefined;
  let isFirst = true;
  const once = (read: AskedRead, socket: Socket, server: FaultyServer): void => {
    if (isFirst) onRead(read, socket, server);
    else if (faults.structured === false) {
      socket.write(Buffer.concat([simpleReply(read.cookie), contentOf(read)]));
    } else answerWell(read, socket);
    isFirst = false;
  };
  await withSource(
    { ...faults, onRead: once },
    async (source) => {
      found = await failure(source.read(1000, 5000));
      assert.equal(Buffer.from(await source.read(7, 9)), contentOf({ offset: 7, length: 9 }));
    },
    { stallTimeoutMs: 200 },
  );
  if (found === undefined) throw new Error("no read failed");
  return found;
}

function isFailure(
  error: HeadwaterError,
  code: HeadwaterErrorCode,
  retryable: boolean,
  words: RegExp,
) {
  assert.equal([error.code, error.retryable], [code, retryable], error.message);
  assert.match(error.message, words);
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

test("bytes that are no reply end the connection", async () => {
  const error = await failureOfRead((_, socket) => socket.write(Buffer.alloc(40, 7)));
  isFailure(error, "CORRUPT", true, /begins with 0x7070707/);
});

test("an answer to what was not asked ends the connection", async () => {
  const error = await failureOfRead((read, socket) =>
    answerWell({ ...read, cookie: read.cookie + 99n }, socket),
  );
  isFailure(error, "CORRUPT", true, /was not asked/);
});

test("more than was asked is refused, and so is another place", async () => {
  const moves: readonly Partial<AskedRead>[] = [
    { length: 5001 },
    { offset: 999 },
    { offset: 2000 },
  ];
  for (const move of moves) {
    const error = await failureOfRead((read, socket) => answerWell({ ...read, ...move }, socket));
    isFailure(error, "CORRUPT", true, /5000 bytes at 1000 were asked/);
  }
});

test("less than was asked is a short read, whatever is missing", async () => {
  const parts: readonly (readonly [number, number])[][] = [
    [[1000, 4999]],
    [[1001, 4999]],
    [
      [1000, 2000],
      [4000, 2000],
    ],
    // As many bytes as were asked, but some twice.
    [
      [1000, 2500],
      [3000, 2500],
    ],
    [],
  ];
  for (const pieces of parts) {
    const error = await failureOfRead(({ cookie }, socket) => {
      for (const [offset, length] of pieces) {
        socket.write(dataPart({ cookie, offset, length }, false));
      }
      socket.write(part(cookie, true, 0, Buffer.alloc(0)));
    });
    isFailure(error, "SHORT_READ", true, /asked 5000 bytes at 1000/);
  }
});

test("parts may come in any order, with holes and between those of others", async () => {
  const onRead = ({ cookie, offset, length }: AskedRead, socket: Socket): void => {
    const half = Math.floor(length / 2);
    const last = { cookie, offset: offset + half, length: length - half };
    socket.write(dataPart(last, false));
    if (offset % 1000 === 0) {
      socket.write(part(cookie, false, 2, join(64, offset, 32, half)));
      setTimeout(() => socket.write(part(cookie, true, 0, Buffer.alloc(0))), 5);
    } else socket.write(dataPart({ cookie, offset, length: half }));
  };
  await withSource({ onRead }, async (source) => {
    const [holed, whole] = await Promise.all([source.read(1000, 8000), source.read(501, 9000)]);
    const expected = contentOf({ offset: 1000, length: 8000 }).fill(0, 0, 4000);
    assert.equal(Buffer.from(holed ?? []), expected);
    assert.equal(Buffer.from(whole ?? []), contentOf({ offset: 501, length: 9000 }));
  });
});

test("data that the server takes back is not handed on", async () => {
  let received = 0;
  const onRead = (read: AskedRead, socket: Socket): void => {
    socket.write(dataPart({ ...read, length: 4096 }, false));
    const text = Buffer.from("bad sector");
    const error = Buffer.concat([join(32, 5, 16, text.length), text, join(64, read.offset + 100)]);
    socket.write(part(read.cookie, true, 0x8002, error));
  };
  await withSource({ onRead }, async (source) => {
    const error = await failure(
      (async () => {
        for await (const piece of source.stream?.(0, 8192) ?? []) received += piece.length;
      })(),
    );
    isFailure(error, "SOURCE_FAILED", true, /EIO for 8192 bytes at 0: bad sector/);
  });
  assert.is(received, 0);
});

test("each error of a read has its meaning", async () => {
  for (const [number, retryable, name] of [
    [1, false, /EPERM/],
    [5, true, /EIO/],
    [12, true, /ENOMEM/],
    [22, false, /EINVAL/],
    [108, true, /ESHUTDOWN/],
    [9999, true, /error 9999/],
  ] as const) {
    const structured = await failureOfRead(({ cookie }, socket) =>
      socket.write(part(cookie, true, 0x8001, join(32, number, 16, 0))),
    );
    isFailure(structured, "SOURCE_FAILED", retryable, name);
    const simple = await failureOfRead(
      ({ cookie }, socket) => socket.write(simpleReply(cookie, number)),
      { structured: false },
    );
    isFailure(simple, "SOURCE_FAILED", retryable, name);
  }
});

test("replies of the other kind, or of no known kind, end the connection", async () => {
  const simple = await failureOfRead((read, socket) =>
    socket.write(Buffer.concat([simpleReply(read.cookie), contentOf(read)])),
  );
  isFailure(simple, "CORRUPT", true, /simple reply/);
  const structured = await failureOfRead(answerWell, { structured: false });
  isFailure(structured, "CORRUPT", true, /never agreed/);
  const unknown = await failureOfRead(({ cookie }, socket) =>
    socket.write(part(cookie, true, 77, Buffer.alloc(3))),
  );
  isFailure(unknown, "CORRUPT", true, /type 77/);
  const endless = await failureOfRead(({ cookie }, socket) =>
    socket.write(join(32, 0x668e33ef, 16, 1, 16, 0x8001, 64, cookie, 32, 0xffffffff)),
  );
  isFailure(endless, "CORRUPT", true, /4294967295 bytes/);
});

test("a reply that stops in the middle is given up", async () => {
  const error = await failureOfRead((read, socket) =>
    socket.write(dataPart(read).subarray(0, 3000)),
  );
  isFailure(error, "TIMEOUT", true, /owes 5000 bytes at 1000/);
});

test("a connection that breaks in the middle of a reply can be made again", async () => {
  const error = await failureOfRead((read, socket) => {
    socket.end(dataPart(read).subarray(0, 3000));
  });
  isFailure(error, "SOURCE_FAILED", true, /hung up/);
});

test("a request that is forgotten among others is given up", async () => {
  let forgotten: AskedRead | undefined;
  const onRead = (read: AskedRead, socket: Socket): void => {
    if (forgotten === undefined) forgotten = read;
    else setTimeout(() => answerWell(read, socket), 10);
  };
  await withSource(
    { onRead },
    async (source) => {
      let isOver = false;
      const lost = failure(source.read(0, 4096)).finally(() => {
        isOver = true;
      });
      while (!isOver) await source.read(4096, 4096).catch(() => {});
      isFailure(await lost, "TIMEOUT", true, /owes 4096 bytes at 0/);
    },
    { stallTimeoutMs: 150, demandConnections: 1 },
  );
});

test("an abort ends its own call: the late reply is dropped, the connection stays", async () => {
  const held: (() => void)[] = [];
  const onRead = (read: AskedRead, socket: Socket): void => {
    held.push(() => answerWell(read, socket));
    if (held.length === 2) for (const answer of held.splice(0)) setTimeout(answer, 20);
  };
  await withSource(
    { onRead },
    async (source, server) => {
      const abort = new AbortController();
      let bytes = 0;
      const meter = {
        request: () => {},
        bytes: (count: number) => {
          bytes += count;
        },
      };
      const reason = new Error("enough");
      const aborted = rejection(source.read(0, 4096, { signal: abort.signal, meter }));
      while (server.reads.length === 0) await new Promise(setImmediate);
      abort.abort(reason);
      assert.is(await aborted, reason);
      const other = source.read(8192, 4096);
      assert.equal(Buffer.from(await other), contentOf({ offset: 8192, length: 4096 }));
      assert.equal([server.connectionCount, bytes], [1, 4096]);
    },
    { demandConnections: 1 },
  );
});

test("a server that shuts down is left, and found again", async () => {
  let count = 0;
  const onRead = (read: AskedRead, socket: Socket): void => {
    count += 1;
    if (count > 1) answerWell(read, socket);
    else socket.write(part(read.cookie, true, 0x8001, join(32, 108, 16, 0)));
  };
  await withSource({ onRead }, async (source, server) => {
    const error = await failure(source.read(0, 1));
    isFailure(error, "SOURCE_FAILED", true, /ESHUTDOWN/);
    await source.read(0, 1);
    assert.is(server.connectionCount, 2);
  });
});

test("an export of another size is another source", async () => {
  let size = 2 ** 20;
  const onRead = (_: AskedRead, socket: Socket): void => {
    size += 4096;
    socket.destroy();
  };
  await withSource({ onRead, size: () => size }, async (source) => {
    await rejection(source.read(0, 1));
    const error = await failure(source.read(0, 1));
    isFailure(error, "SOURCE_CHANGED", false, /1052672 bytes now, and had 1048576/);
  });
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
