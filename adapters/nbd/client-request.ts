import type { Meter } from "../../lib/index.ts";

/** A request of the transmission phase, as the connection that sends it sees it. */
export interface Request {
  /** `COMMAND`. */
  readonly command: number;
  readonly offset: number;
  readonly length: number;
  readonly meter: Meter;
  /** Whether nobody waits for it any more. What still comes is counted, and dropped. */
  readonly isOver: boolean;
  /** What is sent may begin earlier and end later: the server may want whole blocks. */
  sent(offset: number, length: number): void;
  /**
   * Bytes of the answer. Those that are `final` may be believed at once; any others only when the
   * whole answer is here, for the server may still take them back.
   */
  data(offset: number, bytes: Uint8Array, final: boolean): void;
  /** A part of the answer that is zeros. */
  hole(offset: number, length: number): void;
  /** What a metadata context says, as the server sent it. */
  status(payload: Buffer): void;
  /** The server answered with an error; more may come. */
  refuse(error: Error): void;
  /** The answer is complete. */
  end(): void;
  /** There will be no answer, or nobody wants it. */
  fail(error: unknown): void;
}

/** Thrown by a request that was answered with what was not asked. */
export class WrongAnswer extends Error {
  override readonly name = "WrongAnswer";
}
