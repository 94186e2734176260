import type { Caller, FrameRequests } from "./ltx-source-frames.ts";
import type { RangeRequest } from "./ltx-source-request.ts";

/** What one read still wants of the frames of a replica. */
export class Wanted {
  readonly caller: Caller;
  readonly #end: number;
  #frames: FrameRequests | undefined;
  #used: ReadonlySet<RangeRequest> = new Set();

  /** @param end the page after the last one that is wanted. */
  constructor(caller: Caller, end: number) {
    this.caller = caller;
    this.#end = end;
  }

  /** Has everything from this page on fetched, as far as that is not under way. */
  prepare(frames: FrameRequests, pgno: number, pageSize: number): void {
    const before = this.#used;
    const from = this.#frames;
    this.#frames = frames;
    this.#used = frames.prepare(pgno, this.#end, (this.#end - pgno) * pageSize, this.caller);
    from?.leave(before, true);
  }

  /** @param isDone whether all of it was taken: what was fetched beyond it is for who reads on. */
  leave(isDone: boolean): void {
    this.#frames?.leave(this.#used, isDone);
  }
}
