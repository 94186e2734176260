import type { SqlValue } from "../between/values.ts";
import type { Core } from "./core.ts";
import { valuesByPlace } from "./given-values.ts";
import { TRANSIENT } from "./heap.ts";

/** The parameters of one statement, which are given as better-sqlite3 takes them. */
export class Bindings {
  readonly #core: Core;
  readonly #statement: number;
  readonly #parameters: readonly (string | null)[];

  constructor(core: Core, statement: number) {
    this.#core = core;
    this.#statement = statement;
    const { raw, heap } = core;
    this.#parameters = Array.from(
      { length: raw.sqlite3_bind_parameter_count(statement) },
      (_, index) => heap.zeroEnded(raw.sqlite3_bind_parameter_name(statement, index + 1)) || null,
    );
  }

  /** Binds all. @throws what `valuesByPlace` throws. */
  bind(given: readonly unknown[]): void {
    if (given.length === 0 && this.#parameters.length === 0) return;
    let place = 0;
    for (const value of valuesByPlace(given, this.#parameters)) {
      place += 1;
      this.#bindOne(place, value);
    }
  }

  #bindOne(place: number, value: SqlValue): void {
    const code = this.#bindValue(place, value);
    if (code !== 0) throw this.#core.error(code);
  }

  #bindValue(place: number, value: SqlValue): number {
    const { raw, heap } = this.#core;
    const statement = this.#statement;
    switch (typeof value) {
      case "number":
        // A real number, as native drivers have it: an integer for SQL is a bigint.
        return raw.sqlite3_bind_double(statement, place, value);
      case "string":
        return heap.withText(value, (pointer, length) =>
          raw.sqlite3_bind_text(statement, place, pointer, length, TRANSIENT),
        );
      case "bigint":
        return raw.sqlite3_bind_int64(statement, place, value);
      default:
    }
    if (value === null) return raw.sqlite3_bind_null(statement, place);
    return heap.withBytes(value, (pointer) =>
      raw.sqlite3_bind_blob(statement, place, pointer, value.length, TRANSIENT),
    );
  }
}
