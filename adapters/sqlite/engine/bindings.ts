import type { NamedParameters, SqlParameter } from "../shared/values.ts";
import type { Core } from "./core.ts";
import { TRANSIENT } from "./heap.ts";

/** The parameters of one statement, which are given as better-sqlite3 takes them. */
export class Bindings {
  readonly #core: Core;
  readonly #statement: number;
  /** Those without a name, from 1, in order; a number such as `?2` is no name. */
  readonly #places: number[] = [];
  readonly #names = new Map<string, number>();
  /** Places with a number, which may be given by it too. */
  readonly #numbers = new Map<string, number>();

  constructor(core: Core, statement: number) {
    this.#core = core;
    this.#statement = statement;
    const { raw, heap } = core;
    const count = raw.sqlite3_bind_parameter_count(statement);
    for (let place = 1; place <= count; place += 1) {
      const name = heap.zeroEnded(raw.sqlite3_bind_parameter_name(statement, place));
      if (name !== "" && !name.startsWith("?")) this.#names.set(name.slice(1), place);
      else this.#places.push(place);
      if (name.startsWith("?")) this.#numbers.set(name.slice(1), place);
    }
  }

  /**
   * Binds all: values in the order of the parameters without a name, in arrays or not, and at most
   * one object for those with one.
   *
   * @throws {RangeError} when there are too many or too few. @throws {TypeError} for a value that
   *   SQLite has no type for.
   */
  bind(given: readonly unknown[]): void {
    let named: NamedParameters | undefined;
    let bound = 0;
    const bindNext = (value: unknown): void => {
      const place = this.#places[bound];
      if (place === undefined) throw new RangeError("Too many parameter values were provided");
      this.#bindOne(place, value as SqlParameter);
      bound += 1;
    };
    for (const value of given) {
      if (Array.isArray(value)) for (const one of value) bindNext(one);
      else if (!isNamed(value)) bindNext(value);
      else if (named === undefined) {
        named = value;
        bound += this.#bindNamed(named);
      } else throw new TypeError("You cannot specify named parameters in two different objects");
    }
    if (named === undefined && this.#names.size > 0) {
      throw new TypeError("Missing named parameters");
    }
    if (bound < this.#places.length) {
      throw new RangeError("Too few parameter values were provided");
    }
  }

  /** Returns how many places without a name it has bound, by their numbers. */
  #bindNamed(named: NamedParameters): number {
    for (const [name, place] of this.#names) {
      if (!Object.hasOwn(named, name)) throw new RangeError(`Missing named parameter "${name}"`);
      this.#bindOne(place, named[name]);
    }
    const numbers = [...this.#numbers].filter(([number]) => Object.hasOwn(named, number));
    for (const [number, place] of numbers) this.#bindOne(place, named[number]);
    return numbers.length;
  }

  #bindOne(place: number, value: SqlParameter): void {
    const code = this.#bindValue(place, value);
    if (code !== 0) throw this.#core.error(code);
  }

  #bindValue(place: number, value: SqlParameter): number {
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
        if (BigInt.asIntN(64, value) !== value) {
          throw new RangeError(`${value} does not fit in an integer of 64 bits`);
        }
        return raw.sqlite3_bind_int64(statement, place, value);
      case "boolean":
        return raw.sqlite3_bind_int(statement, place, value ? 1 : 0);
      case "undefined":
        return raw.sqlite3_bind_null(statement, place);
      default:
    }
    if (value === null) return raw.sqlite3_bind_null(statement, place);
    if (ArrayBuffer.isView(value)) {
      const { buffer, byteOffset, byteLength } = value;
      const bytes = new Uint8Array(buffer, byteOffset, byteLength);
      return heap.withBytes(bytes, (pointer) =>
        raw.sqlite3_bind_blob(statement, place, pointer, byteLength, TRANSIENT),
      );
    }
    throw new TypeError(
      "SQLite3 can only bind numbers, strings, bigints, booleans, bytes, and null",
    );
  }
}

/** An object of names, and not a value itself. */
function isNamed(value: unknown): value is NamedParameters {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
