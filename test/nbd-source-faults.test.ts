import type { Socket } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { HeadwaterError } from "../lib/index.ts";
import {
  type AskedRead,
  answerWell,
  contentOf,
  dataPart,
  type Faults,
  type FaultyServer,
  join,
  part,
  simpleReply,
} from "./nbd-source-faulty-server.ts";
import { isFailure, withSource } from "./nbd-source-faulty-setup.ts";
import { failure, rejection } from "./rejection.ts";

const test = suite("NBD source and faulty replies");

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

test("a part that comes twice is refused", async () => {
  const error = await failureOfRead((read, socket) => {
    socket.write(dataPart(read, false));
    socket.write(dataPart(read, true));
  });
  isFailure(error, "CORRUPT", true, /5000 bytes at 1000 were asked/);
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

test("what nobody waits for leaves room for a reader who shares its connection", async () => {
  const held: (() => void)[] = [];
  const onRead = (read: AskedRead, socket: Socket): void => {
    if (read.length === 512) answerWell(read, socket);
    else held.push(() => answerWell(read, socket));
  };
  await withSource(
    { onRead, multiConn: false, size: () => 16 * 2 ** 20 },
    async (source, server) => {
      const reads = Array.from({ length: 8 }, (_, index) =>
        source.read(index * 2 ** 20, 2 ** 20, { class: "background" }),
      );
      await source.read(8 * 2 ** 20, 512);
      // 2 MiB of the 8 that were asked for, and the reader's.
      assert.equal([server.reads.length, server.connectionCount], [9, 1]);
      const answering = setInterval(() => held.shift()?.(), 1);
      await Promise.all(reads).finally(() => clearInterval(answering));
    },
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

test.run();
