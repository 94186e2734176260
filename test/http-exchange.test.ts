import { channel } from "node:diagnostics_channel";
import { Socket } from "node:net";
import type { Dispatcher } from "undici";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Exchange } from "../adapters/http/exchange.ts";
import { Valve } from "../adapters/http/valve.ts";
import { Spent } from "./origin/spent.ts";

const test = suite("http exchange");

const PIECE = new Uint8Array(64 * 2 ** 10);

/** Stands where undici does, and answers when the test says so. */
class ScriptedDispatcher {
  handler: Dispatcher.DispatchHandler = {};
  aborted = false;
  readonly socket: Socket = new Socket();
  readonly controller: Dispatcher.DispatchController;

  constructor() {
    const self = this;
    this.controller = {
      get aborted() {
        return self.aborted;
      },
      paused: false,
      reason: null,
      abort: () => {
        this.aborted = true;
      },
      pause: () => assert.unreachable("undici does not survive that"),
      resume: () => {},
    };
  }

  get isHeld(): boolean {
    return Valve.of(this.socket).isHeld;
  }

  dispatch(_: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    this.handler = handler;
    return true;
  }

  start(): void {
    this.handler.onRequestStart?.(this.controller, {});
    channel("undici:client:sendHeaders").publish({ socket: this.socket });
  }

  begin(headers: Record<string, string> = {}): void {
    this.handler.onResponseStart?.(this.controller, 206, headers);
  }

  send(piece: Uint8Array): void {
    this.handler.onResponseData?.(this.controller, piece as Buffer);
  }

  end(): void {
    this.handler.onResponseEnd?.(this.controller, {});
  }
}

function makeExchange(options: { signal?: AbortSignal } = {}): {
  exchange: Exchange;
  server: ScriptedDispatcher;
  spent: Spent;
} {
  const server = new ScriptedDispatcher();
  const spent = new Spent();
  const exchange = new Exchange({
    dispatcher: server as unknown as Dispatcher,
    url: new URL("http://origin/blob"),
    headers: {},
    asked: { name: "http://origin/blob", range: { offset: 0, length: 9 } },
    meter: spent,
    signal: options.signal ?? new AbortController().signal,
    headersTimeoutMs: 10_000,
    stallTimeoutMs: 10_000,
  });
  return { exchange, server, spent };
}

test("a server that is faster than its reader is made to wait, at about 256 KiB", async () => {
  const { exchange, server } = makeExchange();
  server.start();
  server.begin();
  let sent = 0;
  while (!server.isHeld) {
    server.send(PIECE);
    sent += 1;
  }
  assert.is(sent, 5);

  for (let taken = 0; taken < 3; taken += 1) exchange.take();
  assert.is(server.isHeld, true, "while half waits");
  exchange.take();
  assert.is(server.isHeld, false);
  while (exchange.take() !== undefined) sent -= 1;
  assert.is(sent, 4);
  server.end();
  assert.is(await exchange.next(), undefined);
});

test("a piece is handed on as it came, without a copy", async () => {
  const { exchange, server } = makeExchange();
  server.start();
  server.begin();
  const waiting = exchange.next();
  server.send(PIECE);
  assert.is(await waiting, PIECE);
  exchange.fail(new Error("enough"));
});

test("early hints are not the response", async () => {
  const { exchange, server } = makeExchange();
  server.start();
  server.handler.onResponseStart?.(server.controller, 103, {});
  server.begin();
  assert.is((await exchange.head).status, 206);
  exchange.fail(new Error("enough"));
});

test("a request counts when it leaves, and not before it has a connection", () => {
  const { exchange, server, spent } = makeExchange();
  assert.is(spent.requests, 0);
  server.start();
  assert.is(spent.requests, 1);
  exchange.fail(new Error("enough"));
});

test("a request that was given up before it had a connection never leaves", async () => {
  const abort = new AbortController();
  const { exchange, server, spent } = makeExchange({ signal: abort.signal });
  abort.abort(new Error("enough"));
  assert.is((await exchange.head.catch((error) => error)).message, "enough");
  assert.throws(() => server.start(), "not wanted");
  assert.is(spent.requests, 0);
  assert.is(server.aborted, false, "which would end a good connection");
});

test("a short rest that nobody wants is read, a long one ends the connection", () => {
  const short = makeExchange();
  short.server.start();
  short.server.begin({ "content-length": "65536" });
  short.exchange.drain();
  short.server.send(PIECE);
  short.server.end();
  assert.is(short.server.aborted, false);
  assert.is(short.spent.received, 65_536);

  const long = makeExchange();
  long.server.start();
  long.server.begin({ "content-length": "65537" });
  long.exchange.drain();
  assert.is(long.server.aborted, true);

  const endless = makeExchange();
  endless.server.start();
  endless.server.begin();
  endless.exchange.drain();
  endless.server.send(PIECE);
  assert.is(endless.server.aborted, false);
  endless.server.send(PIECE);
  assert.is(endless.server.aborted, true);
});

test("what had come can still be taken after a failure, and then the failure", async () => {
  const { exchange, server } = makeExchange();
  server.start();
  server.begin();
  server.send(PIECE);
  server.handler.onResponseError?.(server.controller, new Error("broken"));
  assert.is(exchange.failed, true);
  assert.is(await exchange.next(), PIECE);
  assert.match((await exchange.next().catch((error) => error)).message, "broken");
});

test("only the last signal that it was given ends it", () => {
  const [first, second] = [new AbortController(), new AbortController()];
  const { exchange, server } = makeExchange({ signal: first.signal });
  server.start();
  exchange.follow(second.signal);
  first.abort();
  assert.is(exchange.failed, false);
  second.abort();
  assert.is(exchange.failed, true);
  assert.is(server.aborted, true);
});

test.run();
