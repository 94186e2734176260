/**
 * What happened in a simulation. Of every event a hash is kept, so that two runs can be compared;
 * the text only where somebody wants to read it.
 */
export class EventLog {
  readonly lines: string[] = [];
  readonly #keepsLines: boolean;
  #hash = 0x811c9dc5;
  #count = 0;

  constructor(keepsLines: boolean) {
    this.#keepsLines = keepsLines;
  }

  get count(): number {
    return this.#count;
  }

  /** The same for the same events in the same order at the same times. */
  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, "0");
  }

  /** @param what each `%` of it stands for one of the numbers. */
  note(ms: number, what: string, ...numbers: readonly number[]): void {
    this.#count += 1;
    this.#mix(Math.round(ms * 1000));
    for (let at = 0; at < what.length; at += 1) this.#mix(what.charCodeAt(at));
    for (const number of numbers) this.#mix(number);
    if (!this.#keepsLines) return;
    const rest = numbers.values();
    const text = what.replace(/%/g, () => String(rest.next().value));
    this.lines.push(`${ms.toFixed(2).padStart(10)}  ${text}`);
  }

  #mix(number: number): void {
    this.#hash = Math.imul(this.#hash ^ number, 0x01000193);
    this.#hash = (this.#hash << 13) | (this.#hash >>> 19);
  }
}
