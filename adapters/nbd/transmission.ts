import type { Socket } from "node:net";
import type { BufferPool } from "./buffers.ts";
import type { Context } from "./contexts.ts";
import type { Counters } from "./counters.ts";
import { type Refusal, refusalOf } from "./errors.ts";
import type { Export } from "./export-table.ts";
import { Incoming, type Whole } from "./incoming.ts";
import type { NbdLimits } from "./limits.ts";
import { perform } from "./perform.ts";
import type { Poller } from "./poller.ts";
import { COMMAND, NBD_ERROR } from "./protocol.ts";
import { ReplyWriter } from "./reply-writer.ts";
import { type Request, refusalFor, type Terms } from "./request.ts";
import type { Turns } from "./turns.ts";

/** A read of so many bytes is answered at once where they are local. */
const AT_ONCE_BYTES: number = 2 ** 16;
/** So many requests are answered between two looks at the clock. */
const REQUESTS_A_LOOK = 8;

/** What the connections of a server share. */
export interface Shared {
  readonly limits: Required<NbdLimits>;
  readonly turns: Turns;
  readonly poller: Poller;
  readonly buffers: BufferPool;
  readonly counters: Counters;
}

/** What the handshake came to. */
export interface Agreement {
  readonly export: Export;
  readonly structured: boolean;
  readonly contexts: readonly Context[];
}

/**
 * A connection after its handshake: answers requests until the client leaves. Reads of what is
 * local are answered at once and in one write for as many as came together; everything else waits
 * for the clone, a bounded number at a time. No more is read from the socket than can be worked on.
 */
export class Transmission {
  /** Resolves when the client has left, or was made to, and nothing is in flight any more. */
  readonly ended: Promise<void>;
  readonly #socket: Socket;
  readonly #shared: Shared;
  readonly #agreement: Agreement;
  readonly #terms: Terms;
  readonly #replies: ReplyWriter;
  readonly #incoming: Incoming;
  /** Aborted when the socket is closed. */
  readonly #closed: AbortSignal;
  readonly #fail: (problem: string) => void;
  #inFlight = 0;
  #bytesInFlight = 0;
  /** Whether requests are here that wait: for others, for a turn, for replies to be taken. */
  #isHeld = false;
  #isWaitingForTurn = false;
  #isDraining = false;
  /** Whether the client said that it will ask for no more. */
  #isLeaving = false;
  /** Whether no more comes. What came before is answered. */
  #hasEnded = false;
  #isAnswerPlanned = false;
  #settle = (): void => {};

  /** @param fail ends the connection at once. */
  constructor(
    socket: Socket,
    shared: Shared,
    agreement: Agreement,
    closed: AbortSignal,
    fail: (problem: string) => void,
  ) {
    this.#socket = socket;
    this.#shared = shared;
    this.#agreement = agreement;
    this.#closed = closed;
    this.#fail = fail;
    const { buffers, limits } = shared;
    const hasContexts = agreement.contexts.length > 0;
    this.#terms = { ...agreement, hasContexts, maxPayload: limits.maxPayload };
    this.#replies = new ReplyWriter(socket, buffers, agreement.structured);
    this.#incoming = new Incoming(buffers, limits.maxPayload, (request) => {
      return this.#refusal(request) === undefined;
    });
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#listen();
  }

  /** Answers what is in flight, refuses what comes from now on, then leaves. */
  drain(): void {
    this.#isDraining = true;
    this.#work();
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on("data", (piece: Buffer) => {
      if (this.#isLeaving) return;
      this.#incoming.add(piece);
      if (!this.#isHeld) this.#work();
    });
    socket.on("drain", () => {
      this.#watch();
      this.#goOn();
    });
    socket.on("end", () => {
      this.#hasEnded = true;
      this.#goOn();
    });
    socket.on("timeout", () => this.#fail("the client stopped in the middle of something"));
    const leave = (): void => {
      this.#leave();
      this.#leaveWhenIdle();
    };
    if (this.#closed.aborted) leave();
    else this.#closed.addEventListener("abort", leave, { once: true });
    socket.resume();
  }

  #goOn(): void {
    if (this.#isHeld && !this.#isWaitingForTurn && this.#mayBegin()) this.#work();
    else this.#leaveWhenIdle();
  }

  #mayBegin(): boolean {
    const { requestsInFlight, bytesInFlight, unsentBytes } = this.#shared.limits;
    return (
      this.#inFlight < requestsInFlight &&
      this.#bytesInFlight < bytesInFlight &&
      this.#replies.unsentBytes < unsentBytes
    );
  }

  /** Begins as many of the requests that are here as it may, and answers what it can. */
  #work(): void {
    const { turns, poller } = this.#shared;
    turns.begin();
    let isHeld = false;
    for (let count = 1; !this.#incoming.isEmpty; count += 1) {
      if (!this.#mayBegin()) {
        isHeld = true;
        break;
      }
      if (count % REQUESTS_A_LOOK === 0 && turns.isOver) {
        isHeld = true;
        this.#waitForTurn();
        break;
      }
      const whole = this.#incoming.next();
      if (whole !== undefined) this.#begin(whole);
      else if (this.#incoming.problem !== undefined) {
        this.#fail(this.#incoming.problem);
        return;
      }
    }
    this.#hold(isHeld);
    this.#replies.flush();
    this.#watch();
    poller.answered();
    this.#leaveWhenIdle();
  }

  #waitForTurn(): void {
    this.#isWaitingForTurn = true;
    this.#shared.turns.wait(() => {
      this.#isWaitingForTurn = false;
      this.#goOn();
    });
  }

  /** While requests are held, no more are read. */
  #hold(isHeld: boolean): void {
    if (isHeld === this.#isHeld) return;
    this.#isHeld = isHeld;
    if (isHeld) this.#socket.pause();
    else this.#socket.resume();
  }

  /** A client may be silent as long as it likes, but not while something is half done. */
  #watch(): void {
    const isAskedInPart = this.#incoming.isInside && !this.#isHeld;
    const isHalfDone = isAskedInPart || this.#socket.writableNeedDrain;
    const timeoutMs = isHalfDone ? this.#shared.limits.stallTimeoutMs : 0;
    if (this.#socket.timeout !== timeoutMs) this.#socket.setTimeout(timeoutMs);
  }

  #begin(whole: Whole): void {
    const { request } = whole;
    if (request.type === COMMAND.disconnect) {
      this.#leave();
      return;
    }
    const { counters } = this.#shared;
    counters.requests += 1;
    const refusal = this.#refusal(request);
    if (refusal !== undefined) this.#refuse(request, refusal);
    else if (request.type !== COMMAND.read || !this.#readAtOnce(request)) {
      void this.#performLater(whole);
    }
  }

  #refusal(request: Request): Refusal | undefined {
    if (this.#isDraining) return SHUTTING_DOWN;
    return refusalFor(request, this.#terms);
  }

  #refuse(request: Request, { error, message }: Refusal): void {
    this.#shared.counters.errors += 1;
    this.#replies.error(request, error, message);
  }

  /** Whether the request was answered. */
  #readAtOnce(request: Request): boolean {
    const { offset, length } = request;
    if (length > AT_ONCE_BYTES) return false;
    try {
      const { device } = this.#terms.export;
      if (device.readIntoSync(offset, this.#replies.room(length)) !== length) return false;
      this.#replies.data(request, offset, length);
      this.#shared.counters.bytesRead += length;
    } catch (error) {
      this.#refuse(request, refusalOf(error));
    }
    return true;
  }

  async #performLater({ request, payload, lent }: Whole): Promise<void> {
    const { counters, buffers } = this.#shared;
    const isRead = request.type === COMMAND.read;
    const bytes = isRead ? request.length : (payload?.length ?? 0);
    this.#inFlight += 1;
    this.#bytesInFlight += bytes;
    try {
      const by = { ...this.#agreement, replies: this.#replies, signal: this.#closed };
      await perform(request, payload, by);
      if (isRead) counters.bytesRead += bytes;
      else counters.bytesWritten += bytes;
    } catch (error) {
      this.#refuse(request, refusalOf(error));
    }
    if (lent !== undefined) buffers.giveBack(lent);
    this.#inFlight -= 1;
    this.#bytesInFlight -= bytes;
    this.#answerSoon();
    this.#goOn();
  }

  /** Sends what is answered, with what else is answered in this turn of the event loop. */
  #answerSoon(): void {
    if (this.#isAnswerPlanned) return;
    this.#isAnswerPlanned = true;
    setImmediate(() => {
      this.#isAnswerPlanned = false;
      this.#replies.flush();
      this.#watch();
      this.#shared.poller.answered();
    });
  }

  #leave(): void {
    this.#isLeaving = true;
    this.#incoming.clear();
  }

  /** Ends our side, where it is time to, once everything was answered. */
  #leaveWhenIdle(): void {
    if (!this.#isLeaving && !this.#hasEnded && !this.#isDraining) return;
    if (this.#inFlight > 0 || !this.#incoming.isEmpty) return;
    this.#leave();
    this.#replies.flush();
    if (this.#closed.aborted) this.#settle();
    else this.#socket.destroySoon();
  }
}

const SHUTTING_DOWN: Refusal = {
  error: NBD_ERROR.shutdown,
  message: "the server is shutting down",
};
