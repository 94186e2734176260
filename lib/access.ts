import { abortable } from "./abortable.ts";
import { HeadwaterError } from "./errors.ts";
import type { CloneMode } from "./status.ts";

/** What a call does: `write` stands for everything that is to change or to keep something. */
export type Purpose = "read" | "write";

/** Who may do what now: as the mode says, not while the clone is suspended, never after its end. */
export class Access {
  #mode: CloneMode = "read-write";
  #error: HeadwaterError | undefined;
  #closed: HeadwaterError | undefined;
  #suspensions = 0;
  readonly #underWay: Record<Purpose, number> = { read: 0, write: 0 };
  #reopened = new Signal();
  #idle = new Signal();
  /** A plain field: every local read looks at it. */
  isUnrestricted = true;

  get mode(): CloneMode {
    return this.#mode;
  }

  /** Why the mode is not read-write. */
  get error(): HeadwaterError | undefined {
    return this.#error;
  }

  get isSuspended(): boolean {
    return this.#suspensions > 0;
  }

  /** A mode is only ever followed by a lesser one. */
  degrade(mode: "read-only" | "failed", error: HeadwaterError): void {
    this.#mode = mode;
    this.#error = error;
    this.#restrict();
  }

  /** @throws {HeadwaterError} `CLOSED`, `FAILED`, or `READ_ONLY` for a write. */
  check(purpose: Purpose): void {
    if (this.#closed !== undefined) throw this.#closed;
    const cause = this.#error;
    if (this.#mode === "failed") {
      throw new HeadwaterError("FAILED", `the clone has failed: ${cause?.message}`, { cause });
    }
    if (this.#mode === "read-only" && purpose === "write") {
      const message = `the clone is read-only: ${cause?.message}`;
      throw new HeadwaterError("READ_ONLY", message, { cause });
    }
  }

  /** Runs `work` when it may be done: after a suspension. A suspension waits for it. */
  async during<Result>(
    purpose: Purpose,
    signal: AbortSignal | undefined,
    work: () => Promise<Result>,
  ): Promise<Result> {
    this.check(purpose);
    while (this.isSuspended) {
      await abortable(this.#reopened.next(), signal);
      this.check(purpose);
    }
    this.#underWay[purpose] += 1;
    try {
      return await work();
    } finally {
      this.#underWay[purpose] -= 1;
      if (this.#underWay[purpose] === 0) this.#idle.give();
    }
  }

  /** Nothing begins until as many calls of `reopen`. Resolves when nothing is under way. */
  async suspend(): Promise<void> {
    this.hold();
    await this.idle("read", "write");
  }

  /** The same without waiting. */
  hold(): void {
    this.#suspensions += 1;
    this.#restrict();
  }

  /** Resolves when nothing of the sort is under way. */
  async idle(...purposes: readonly Purpose[]): Promise<void> {
    while (purposes.some((purpose) => this.#underWay[purpose] > 0)) await this.#idle.next();
  }

  /** Resolves when no suspension is left, or at the end. */
  async reopened(): Promise<void> {
    while (this.isSuspended && this.#closed === undefined) await this.#reopened.next();
  }

  reopen(): void {
    this.#suspensions -= 1;
    this.#restrict();
    if (!this.isSuspended) this.#reopened.give();
  }

  /** From here on every call ends with this error, those that wait too. */
  close(error: HeadwaterError): void {
    this.#closed = error;
    this.#restrict();
    this.#reopened.give();
  }

  #restrict(): void {
    const isOpen = this.#closed === undefined && this.#mode !== "failed";
    this.isUnrestricted = isOpen && !this.isSuspended;
  }
}

/** Wakes everybody who waits, once. */
class Signal {
  #give = (): void => {};
  #next: Promise<void> | undefined;

  next(): Promise<void> {
    this.#next ??= new Promise((resolve) => {
      this.#give = resolve;
    });
    return this.#next;
  }

  give(): void {
    this.#give();
    this.#next = undefined;
  }
}
