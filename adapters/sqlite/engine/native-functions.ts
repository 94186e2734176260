import { SQLITE } from "../between/result-codes.ts";
import { SqliteError } from "../between/sqlite-error.ts";
import type { SqlParameter, SqlValue } from "../between/values.ts";
import { sqlValue } from "./given-values.ts";
import { ourValue } from "./native-values.ts";
import type { AggregateOptions, FunctionOptions, UserFunction } from "./user-functions.ts";

/** A user's function as a native driver calls it, with as many arguments as it has itself. */
export function nativeFunction(call: UserFunction, options: FunctionOptions): UserFunction {
  const { safeIntegers = false } = options;
  const run = (...values: SqlValue[]): unknown => nativeResult(call(...ours(values, safeIntegers)));
  return withLength(run, call.length);
}

/** The same of an aggregate. */
export function nativeAggregate(options: AggregateOptions): AggregateOptions {
  const { start = null, step, inverse, result = (total: unknown) => total } = options;
  const { varargs = false, deterministic = false, directOnly = false } = options;
  const { safeIntegers = false } = options;
  const change = (how: AggregateOptions["step"]): AggregateOptions["step"] =>
    withLength(
      (total: unknown, ...values: SqlValue[]) => {
        const next = how(total, ...ours(values, safeIntegers));
        return next === undefined ? total : next;
      },
      Math.max(how.length, 1),
    );
  return {
    ...{ varargs, deterministic, directOnly, start },
    step: change(step),
    ...(inverse && { inverse: change(inverse) }),
    result: (total) => nativeResult(result(total)),
  };
}

function ours(values: SqlValue[], safeIntegers: boolean): SqlValue[] {
  return values.map((value) => ourValue(value, safeIntegers));
}

function nativeResult(value: unknown): SqlValue {
  try {
    return sqlValue(value as SqlParameter);
  } catch {
    const message = `a function returned what SQLite has no type for: ${typeof value}`;
    throw new SqliteError(SQLITE.ERROR, message);
  }
}

/** Drivers go by it. */
function withLength<Call extends (...values: never[]) => unknown>(
  call: Call,
  length: number,
): Call {
  return Object.defineProperty(call, "length", { value: length });
}
