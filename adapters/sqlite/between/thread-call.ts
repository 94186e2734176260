import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import { HeadwaterError } from "../../../lib/errors.ts";
import { Interruption } from "./interruption.ts";
import { describeError, type ErrorMessage, restoreError } from "./sqlite-error.ts";

/** The number of what nobody waits for. */
const UNANSWERED = 0;

interface Asked<Request> {
  readonly id: number;
  readonly request: Request;
}

interface Answered<Answer> {
  readonly id: number;
  readonly answer: Answer | undefined;
  readonly error: ErrorMessage | undefined;
}

/** What two threads have in common, of which one waits for the other. Sent once, with its port. */
export interface CallPath {
  readonly port: MessagePort;
  readonly memory: SharedArrayBuffer;
}

/** Thrown out of a call that was interrupted. */
export const INTERRUPTED_CALL: unique symbol = Symbol("interrupted");

/** Asks another thread, and waits for the answer: nothing else runs on this thread meanwhile. */
export class ThreadCaller<Request, Answer> {
  readonly #port: MessagePort;
  readonly #interruption: Interruption;
  readonly #timeoutMs: number;
  #lastId = 0;

  /** @param timeoutMs for each call. */
  constructor({ port, memory }: CallPath, timeoutMs: number) {
    this.#port = port;
    this.#interruption = new Interruption(memory);
    this.#timeoutMs = timeoutMs;
  }

  get interruption(): Interruption {
    return this.#interruption;
  }

  /**
   * @throws what the other thread threw; `TIMEOUT` where it does not answer; `CLOSED` where it does
   *   so no more; `INTERRUPTED_CALL`.
   */
  call(request: Request): Answer {
    return this.#call(request, true);
  }

  /** The same for what must not be given up halfway: it is not interrupted. */
  callToEnd(request: Request): Answer {
    return this.#call(request, false);
  }

  /** @throws {HeadwaterError} `CLOSED` when the other thread answers no more. */
  checkOpen(): void {
    if (this.#interruption.isEnded) throw new HeadwaterError("CLOSED", "the database is closed");
  }

  #call(request: Request, isInterruptible: boolean): Answer {
    this.checkOpen();
    this.#lastId += 1;
    const id = this.#lastId;
    const asked: Asked<Request> = { id, request };
    this.#port.postMessage(asked);
    const deadline = performance.now() + this.#timeoutMs;
    while (true) {
      const { wakes } = this.#interruption;
      const answered = this.#receive(id);
      if (answered !== undefined) {
        if (answered.error !== undefined) throw restoreError(answered.error);
        return answered.answer as Answer;
      }
      this.checkOpen();
      if (isInterruptible && this.#interruption.isSet) throw INTERRUPTED_CALL;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) throw this.#late();
      this.#interruption.waitFrom(wakes, leftMs);
    }
  }

  /** Tells the other thread something, and goes on. */
  tell(request: Request): void {
    this.#port.postMessage({ id: UNANSWERED, request } satisfies Asked<Request>);
  }

  /** Answers of calls that were given up come too, and are left. */
  #receive(id: number): Answered<Answer> | undefined {
    while (true) {
      const received = receiveMessageOnPort(this.#port) as
        | { readonly message: Answered<Answer> }
        | undefined;
      if (received === undefined || received.message.id === id) return received?.message;
    }
  }

  #late(): HeadwaterError {
    const message =
      `no answer in ${this.#timeoutMs} ms from the thread that owns the clone: either its source ` +
      "is as slow as that, or the thread is blocked";
    return new HeadwaterError("TIMEOUT", message, { retryable: true });
  }
}

/** Answers the calls of another thread. Returns what ends that. */
export function answerCalls<Request, Answer>(
  { port, memory }: CallPath,
  answer: (request: Request) => Promise<{ answer: Answer; transfer?: readonly ArrayBuffer[] }>,
): () => void {
  const interruption = new Interruption(memory);
  const onMessage = ({ id, request }: Asked<Request>): void => {
    if (id === UNANSWERED) {
      answer(request).catch(() => {}); // nobody is there to be told
      return;
    }
    const reply = (answered: Omit<Answered<Answer>, "id">, transfer?: readonly ArrayBuffer[]) => {
      port.postMessage({ id, ...answered }, [...(transfer ?? [])]);
      interruption.wake();
    };
    answer(request).then(
      ({ answer, transfer }) => reply({ answer, error: undefined }, transfer),
      (error: unknown) => reply({ answer: undefined, error: describeError(error) }),
    );
  };
  port.on("message", onMessage);
  port.unref(); // who uses the database keeps the process alive, not the database
  return () => {
    port.off("message", onMessage);
    port.close();
  };
}
