import type { NamedParameters, SqlParameter, SqlValue } from "../between/values.ts";

/**
 * The values of a statement's parameters by their places, from what a call is given: values in the
 * order of the parameters without a name, in arrays or not, and at most one object for those with
 * one. A number such as `?2` is no name, but may be one in the object.
 *
 * @param parameters by place: the name, prefix and all; null for those without one.
 * @throws {RangeError} when there are too many or too few. @throws {TypeError} for a value that
 *   SQLite has no type for.
 */
export function valuesByPlace(
  given: readonly unknown[],
  parameters: readonly (string | null)[],
): SqlValue[] {
  const values: SqlParameter[] = [];
  let named: NamedParameters | undefined;
  for (const value of given) {
    if (Array.isArray(value)) values.push(...value);
    else if (!isNamed(value)) values.push(value as SqlParameter);
    else if (named === undefined) named = value;
    else throw new TypeError("You cannot specify named parameters in two different objects");
  }
  let next = 0;
  const placed = parameters.map((parameter) => {
    if (parameter !== null) {
      const name = parameter.slice(1);
      if (named !== undefined && Object.hasOwn(named, name)) return sqlValue(named[name]);
      if (!parameter.startsWith("?")) throw missing(named, name);
    }
    if (next === values.length) throw new RangeError("Too few parameter values were provided");
    next += 1;
    return sqlValue(values[next - 1]);
  });
  if (next < values.length) throw new RangeError("Too many parameter values were provided");
  return placed;
}

/** An object of names, and not a value itself. */
function isNamed(value: unknown): value is NamedParameters {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function missing(named: NamedParameters | undefined, name: string): Error {
  if (named === undefined) return new TypeError("Missing named parameters");
  return new RangeError(`Missing named parameter "${name}"`);
}

/** One of the types that SQLite has: an integer is a bigint, as the drivers take it. */
export function sqlValue(value: SqlParameter): SqlValue {
  switch (typeof value) {
    case "number":
    case "string":
      return value;
    case "bigint":
      if (BigInt.asIntN(64, value) === value) return value;
      throw new RangeError(`${value} does not fit in an integer of 64 bits`);
    case "boolean":
      return value ? 1n : 0n;
    case "undefined":
      return null;
    default:
  }
  if (value === null || value instanceof Uint8Array) return value;
  if (!ArrayBuffer.isView(value)) {
    throw new TypeError(
      "SQLite3 can only bind numbers, strings, bigints, booleans, bytes, and null",
    );
  }
  const { buffer, byteOffset, byteLength } = value as Uint8Array;
  return new Uint8Array(buffer, byteOffset, byteLength);
}
