import type { NamedParameters, SqlParameter } from "../shared/values.ts";
import type { Core } from "./core.ts";
import { TRANSIENT } from "./heap.ts";

const INT_MIN: number = -(2 ** 31);
const INT_MAX: number = 2 ** 31 - 1;

/** The parameters of one statement. */
export class Bindings {
  readonly #core: Core;
  readonly #statement: number;
  readonly #count: number;
  /** By place, from 1; null for those without a name. */
  readonly #names: (string | null)[] = [];
  readonly #hasNames: boolean;

  constructor(core: Core, statement: number) {
    this.#core = core;
    this.#statement = statement;
    const { raw, heap } = core;
    this.#count = raw.sqlite3_bind_parameter_count(statement);
    for (let place = 1; place <= this.#count; place += 1) {
      const name = heap.zeroEnded(raw.sqlite3_bind_parameter_name(statement, place));
      this.#names.push(name === "" || name.startsWith("?") ? null : name.slice(1));
    }
    this.#hasNames = this.#names.some((name) => name !== null);
  }

  get count(): number {
    return this.#count;
  }

  /**
   * Binds all: values in the order of the parameters without a name, in arrays or not, and at most
   * one object for those with one.
   *
   * @throws {RangeError} when there are too many or too few. @throws {TypeError} for a value that
   *   SQLite has no type for.
   */
  bind(given: readonly unknown[]): void {
    if (this.#count === 0 && given.length === 0) return;
    const values: SqlParameter[] = [];
    let named: NamedParameters | undefined;
    for (const value of given) {
      if (Array.isArray(value)) values.push(...value);
      else if (!isNamed(value)) values.push(value as SqlParameter);
      else if (named === undefined) named = value;
      else throw new TypeError("You cannot specify named parameters in two different objects");
    }
    let next = 0;
    for (let place = 1; place <= this.#count; place += 1) {
      const name = this.#names[place - 1] ?? null;
      if (name === null) {
        if (next === values.length) throw new RangeError("Too few parameter values were provided");
        this.#bindOne(place, values[next]);
        next += 1;
      } else this.#bindOne(place, namedValue(named, name));
    }
    if (next < values.length) throw new RangeError("Too many parameter values were provided");
    if (named !== undefined && !this.#hasNames) {
      throw new TypeError("Named parameters were provided, and the statement has none");
    }
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
        if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
          return raw.sqlite3_bind_double(statement, place, value);
        }
        if (value >= INT_MIN && value <= INT_MAX) {
          return raw.sqlite3_bind_int(statement, place, value);
        }
        return raw.sqlite3_bind_int64(statement, place, BigInt(value));
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

function namedValue(named: NamedParameters | undefined, name: string): SqlParameter {
  if (named !== undefined && Object.hasOwn(named, name)) return named[name];
  throw new RangeError(`Missing named parameter "${name}"`);
}
