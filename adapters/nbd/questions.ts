/** What NBD_OPT_INFO and NBD_OPT_GO ask. */
export interface ExportQuestion {
  readonly name: string;
  /** Some of `INFO`, or numbers that nobody knows. */
  readonly wanted: readonly number[];
}

/** What NBD_OPT_LIST_META_CONTEXT and NBD_OPT_SET_META_CONTEXT ask. */
export interface ContextQuestion {
  readonly name: string;
  readonly queries: readonly string[];
}

/** Undefined when the lengths in it do not fit. */
export function parseExportQuestion(data: Buffer): ExportQuestion | undefined {
  const fields = new Fields(data);
  const name = fields.text();
  const count = fields.number(2);
  const wanted: number[] = [];
  for (let index = 0; index < count && !fields.isOver; index += 1) wanted.push(fields.number(2));
  return fields.isExact ? { name, wanted } : undefined;
}

/** Undefined when the lengths in it do not fit. */
export function parseContextQuestion(data: Buffer): ContextQuestion | undefined {
  const fields = new Fields(data);
  const name = fields.text();
  const count = fields.number(4);
  const queries: string[] = [];
  for (let index = 0; index < count && !fields.isOver; index += 1) queries.push(fields.text());
  return fields.isExact ? { name, queries } : undefined;
}

/** Reads one field after another; those past the end are empty, and `isOver` then says so. */
class Fields {
  readonly #data: Buffer;
  #at = 0;
  #isOver = false;

  constructor(data: Buffer) {
    this.#data = data;
  }

  /** Whether a field went past the end. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether the fields end where the data does. */
  get isExact(): boolean {
    return !this.#isOver && this.#at === this.#data.length;
  }

  number(bytes: number): number {
    const field = this.#take(bytes);
    return field.length === 0 ? 0 : field.readUIntBE(0, bytes);
  }

  /** Its length is in front of it. */
  text(): string {
    return this.#take(this.number(4)).toString();
  }

  #take(length: number): Buffer {
    if (this.#at + length > this.#data.length) {
      this.#isOver = true;
      return Buffer.alloc(0);
    }
    this.#at += length;
    return this.#data.subarray(this.#at - length, this.#at);
  }
}
