import { isSnapshot, type LtxHeader } from "./header.ts";
import { lockPage } from "./page-size.ts";

/** Which pages may follow one another in a file: the same rules for who writes and who reads. */
export class PageOrder {
  readonly #header: LtxHeader;
  readonly #lock: number;
  #previous = 0;

  constructor(header: LtxHeader) {
    this.#header = header;
    this.#lock = lockPage(header.pageSize);
  }

  /** The page that was last accepted; 0 before the first. */
  get previous(): number {
    return this.#previous;
  }

  /** Accepts the page, or says why it cannot come next. */
  accept(pgno: number): string | undefined {
    const problem = this.#problemOf(pgno);
    if (problem === undefined) this.#previous = pgno;
    return problem;
  }

  /** Why the file cannot end here, if so: a snapshot has every page. */
  endProblem(): string | undefined {
    const { commit } = this.#header;
    const last = commit === this.#lock ? commit - 1 : commit;
    if (!isSnapshot(this.#header) || this.#previous === last) return undefined;
    return `a snapshot of ${commit} pages ends after page ${this.#previous}`;
  }

  #problemOf(pgno: number): string | undefined {
    const { commit } = this.#header;
    const previous = this.#previous;
    if (pgno === this.#lock) return `page ${pgno} is the lock page, which no file has`;
    if (pgno > commit) return `page ${pgno} lies outside a database of ${commit} pages`;
    if (pgno <= previous) return `page ${pgno} comes after page ${previous}`;
    const next = previous + 1 === this.#lock ? previous + 2 : previous + 1;
    if (!isSnapshot(this.#header) || pgno === next) return undefined;
    return previous === 0
      ? `a snapshot begins with page ${pgno}`
      : `a snapshot has page ${pgno} after page ${previous}`;
  }
}
