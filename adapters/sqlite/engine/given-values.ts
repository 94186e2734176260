import type { NamedParameters, SqlParameter } from "../shared/values.ts";

/**
 * The values of a statement's parameters by their places, from what a call is given: values in the
 * order of the parameters without a name, in arrays or not, and at most one object for those with
 * one.
 *
 * @param names by place; null for those without one.
 * @throws {RangeError} when there are too many or too few. @throws {TypeError} for names where the
 *   statement has none.
 */
export function valuesByPlace(
  given: readonly unknown[],
  names: readonly (string | null)[],
): SqlParameter[] {
  const values: SqlParameter[] = [];
  let named: NamedParameters | undefined;
  for (const value of given) {
    if (Array.isArray(value)) values.push(...value);
    else if (!isNamed(value)) values.push(value as SqlParameter);
    else if (named === undefined) named = value;
    else throw new TypeError("You cannot specify named parameters in two different objects");
  }
  let next = 0;
  const placed = names.map((name) => {
    if (name !== null) return namedValue(named, name);
    if (next === values.length) throw new RangeError("Too few parameter values were provided");
    next += 1;
    return values[next - 1];
  });
  if (next < values.length) throw new RangeError("Too many parameter values were provided");
  if (named !== undefined && names.every((name) => name === null)) {
    throw new TypeError("Named parameters were provided, and the statement has none");
  }
  return placed;
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

/** @throws {RangeError} when it does not fit in an integer of 64 bits. */
export function checkInteger(value: bigint): bigint {
  if (BigInt.asIntN(64, value) === value) return value;
  throw new RangeError(`${value} does not fit in an integer of 64 bits`);
}

export function notBindable(): TypeError {
  return new TypeError(
    "SQLite3 can only bind numbers, strings, bigints, booleans, bytes, and null",
  );
}
