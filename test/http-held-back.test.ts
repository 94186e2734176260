import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { type Dispatcher, Pool } from "undici";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Exchange } from "../adapters/http/exchange.ts";
import { HeadwaterError } from "../lib/index.ts";
import { Spent } from "./origin/spent.ts";
import { rejection } from "./rejection.ts";

const test = suite("bodies that are held back");

const LONG: Uint8Array = new Uint8Array(2 ** 20).map((_, at) => at % 251);
/** It is held back by its last piece, when the connection has nothing more to give. */
const FULL: Uint8Array = LONG.subarray(0, 2 ** 18 + 1000);

interface Answer {
  readonly head: string;
  readonly body: Uint8Array;
  /** What the server does when it has sent that. */
  readonly end: (socket: Socket) => void;
}

/** A server that answers each connection so, and a request to it. */
async function ask(answer: Answer): Promise<{ exchange: Exchange; close(): Promise<void> }> {
  const server = createServer((socket) => {
    socket.on("error", () => {}).on("end", () => socket.destroy());
    socket.once("data", () => {
      socket.write(`HTTP/1.1 206 Partial Content\r\n${answer.head}\r\n`);
      socket.write(answer.body, () => answer.end(socket));
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/blob`);
  const pool = new Pool(url.origin);
  const exchange = new Exchange({
    dispatcher: pool as unknown as Dispatcher,
    url,
    headers: {},
    asked: { name: url.href, range: { offset: 0, length: answer.body.length } },
    meter: new Spent(),
    signal: new AbortController().signal,
    headersTimeoutMs: 10_000,
    stallTimeoutMs: 10_000,
  });
  const close = async (): Promise<void> => {
    await pool.destroy();
    server.close();
    await once(server, "close");
  };
  return { exchange, close };
}

/** Waits until nothing more arrives: then it is held back, and whatever the server did was done. */
async function rest(exchange: Exchange): Promise<void> {
  for (
    let before = -1, quiet = 0;
    quiet < 20;
    quiet = exchange.received === before ? quiet + 1 : 0
  ) {
    before = exchange.received;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function readAll(exchange: Exchange): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for (;;) {
    const piece = await exchange.next();
    if (piece === undefined) return Buffer.concat(pieces);
    pieces.push(piece);
  }
}

const FRAMINGS: readonly (readonly [name: string, head: (length: number) => string])[] = [
  ["a length, keep-alive", (length) => `content-length: ${length}\r\nconnection: keep-alive\r\n`],
  ["a length, close", (length) => `content-length: ${length}\r\nconnection: close\r\n`],
  ["no length, close", () => "connection: close\r\n"],
];

for (const [framing, head] of FRAMINGS) {
  for (const [body, what] of [
    [LONG, "in mid-body"],
    [FULL, "at its end"],
  ] as const) {
    test(`${framing}, held back ${what}: all of it is there after the server has closed`, async () => {
      const answer = { head: head(body.length), body, end: (socket: Socket) => socket.end() };
      const { exchange, close } = await ask(answer);
      await exchange.head;
      await rest(exchange);
      assert.equal(await readAll(exchange), Buffer.from(body));
      await close();
    });

    test(`${framing}, held back ${what}: after a reset it ends, with nothing wrong`, async () => {
      const reset = (socket: Socket): unknown => setTimeout(() => socket.resetAndDestroy(), 20);
      const { exchange, close } = await ask({ head: head(body.length), body, end: reset });
      await exchange.head;
      await rest(exchange);
      const outcome: unknown = await readAll(exchange).catch((error: unknown) => error);
      if (!(outcome instanceof Buffer)) assert.ok(outcome instanceof HeadwaterError);
      // Without a length nobody can tell that it was cut short: who asked for it counts.
      else assert.equal(outcome, Buffer.from(body.subarray(0, outcome.length)));
      await close();
    });
  }
}

test("a long body is held back", async () => {
  const answer = {
    head: "connection: close\r\n",
    body: LONG,
    end: (socket: Socket) => socket.end(),
  };
  const { exchange, close } = await ask(answer);
  await exchange.head;
  await rest(exchange);
  assert.ok(exchange.received < LONG.length);
  assert.equal(await readAll(exchange), Buffer.from(LONG));
  await close();
});

test("one that breaks off while it is held back is an error", async () => {
  const { exchange, close } = await ask({
    head: `content-length: ${LONG.length + 1}\r\nconnection: close\r\n`,
    body: LONG,
    end: (socket) => socket.end(),
  });
  await exchange.head;
  await rest(exchange);
  assert.ok((await rejection(readAll(exchange))) instanceof HeadwaterError);
  await close();
});

test("one that is held back and wanted no more ends, and with it its connection", async () => {
  const { exchange, close } = await ask({
    head: `content-length: ${LONG.length}\r\n`,
    body: LONG,
    end: () => {},
  });
  await exchange.head;
  await rest(exchange);
  exchange.drain();
  await rest(exchange);
  assert.ok(exchange.failed || exchange.received === LONG.length);
  await close();
});

test.run();
