/** Sequential readers that are followed at once. */
const HEAD_COUNT = 4;
/** How far ahead of a sequential reader, in bytes: at first, and at most. */
const FIRST_AHEAD: number = 256 * 2 ** 10;
const MAX_AHEAD: number = 8 * 2 ** 20;

interface Head {
  /** Where the reader's next read begins, if it goes on. */
  next: number;
  ahead: number;
}

/** Recognises readers that go through the blob in order, and says how far to run before them. */
export class ReadAhead {
  /** The most recently used last. */
  readonly #heads: Head[] = [];

  /** @returns how many bytes past this read its reader will want soon: 0 if it jumps. */
  follow(offset: number, length: number): number {
    const index = this.#heads.findIndex((head) => head.next === offset);
    if (index < 0) {
      if (this.#heads.length === HEAD_COUNT) this.#heads.shift();
      this.#heads.push({ next: offset + length, ahead: 0 });
      return 0;
    }
    const [head] = this.#heads.splice(index, 1) as [Head];
    head.next = offset + length;
    head.ahead = head.ahead === 0 ? FIRST_AHEAD : Math.min(MAX_AHEAD, head.ahead * 2);
    this.#heads.push(head);
    return head.ahead;
  }
}
