import type { SqlValue } from "../between/values.ts";
import type { Core } from "./core.ts";
import type { Sqlite } from "./raw.ts";

/** Flags of a function (sqlite.org/c3ref/c_deterministic.html). */
const UTF8 = 1;
const DETERMINISTIC = 0x800;
const DIRECT_ONLY = 0x80000;

/** Any number of arguments. */
const VARIADIC = -1;

export interface FunctionOptions {
  /** Any number of arguments, whatever the function's length. Default false. */
  varargs?: boolean;
  /** The same arguments always give the same value. Default false. */
  deterministic?: boolean;
  /** Not in triggers, views and the like. Default false. */
  directOnly?: boolean;
  /** Integers come as bigints, whatever their size. Default false. */
  safeIntegers?: boolean;
}

export type UserFunction = (...values: SqlValue[]) => unknown;

export interface AggregateOptions extends FunctionOptions {
  /** The value to begin with, or a function that makes it. Default null. */
  start?: unknown;
  /** Returns the next value; undefined keeps it. */
  step(total: unknown, ...values: SqlValue[]): unknown;
  /** Takes a row out of a window. With it the aggregate is a window function. */
  inverse?(total: unknown, ...values: SqlValue[]): unknown;
  /** What the aggregate is at the end. Default the last value. */
  result?(total: unknown): unknown;
}

/** What of the package's own wrapping is used: values of SQLite to ours and back. */
interface FunctionApi {
  sqlite3_values_to_js(count: number, values: number): (SqlValue | undefined)[];
  sqlite3_value_type(value: number): number;
  sqlite3_value_int64(value: number): bigint;
  sqlite3_result_js(context: number, value: unknown): void;
  sqlite3_result_error_js(context: number, error: unknown): void;
  sqlite3_aggregate_context(context: number, size: number): number;
}

const INTEGER = 1;
const POINTER_SIZE = 4;

/** Of the functions of C that SQLite calls. */
interface Pointers {
  readonly call?: number;
  readonly step?: number;
  readonly final?: number;
  readonly value?: number;
  readonly inverse?: number;
}

function apiOf(sqlite: Sqlite): FunctionApi {
  return sqlite.capi as unknown as FunctionApi;
}

/** Functions and aggregates of a connection, which run on its thread. */
export class UserFunctions {
  readonly #core: Core;
  readonly #api: FunctionApi;
  /** What was put into the module's table of functions, until the connection is closed. */
  readonly #installed: number[] = [];
  /** What a function threw last, so that it comes out as it went in. */
  #thrown: unknown;

  constructor(core: Core) {
    this.#core = core;
    this.#api = apiOf(core.sqlite);
  }

  takeThrown(): unknown {
    const thrown = this.#thrown;
    this.#thrown = undefined;
    return thrown;
  }

  add(name: string, call: UserFunction, options: FunctionOptions = {}): void {
    const { varargs = false, safeIntegers = false } = options;
    const count = varargs ? VARIADIC : call.length;
    const run = (context: number, argc: number, argv: number): void =>
      this.#guard(context, () =>
        this.#result(context, call(...this.#values(argc, argv, safeIntegers))),
      );
    this.#create(name, count, options, { call: this.#install("v(pip)", run) });
  }

  addAggregate(name: string, options: AggregateOptions): void {
    const { start = null, step, inverse, result = (total: unknown) => total } = options;
    const { varargs = false, safeIntegers = false } = options;
    const longest = Math.max(step.length, inverse?.length ?? 0, 1);
    const count = varargs ? VARIADIC : longest - 1;
    const totals = new Map<number, unknown>();
    const begin = (): unknown => (typeof start === "function" ? start() : start);
    const change =
      (how: AggregateOptions["step"]) =>
      (context: number, argc: number, argv: number): void =>
        this.#guard(context, () => {
          const place = this.#api.sqlite3_aggregate_context(context, POINTER_SIZE);
          const total = totals.has(place) ? totals.get(place) : begin();
          const next = how(total, ...this.#values(argc, argv, safeIntegers));
          totals.set(place, next === undefined ? total : next);
        });
    const value = (context: number): void =>
      this.#guard(context, () => {
        const place = this.#api.sqlite3_aggregate_context(context, 0);
        this.#result(context, result(totals.has(place) ? totals.get(place) : begin()));
      });
    const final = (context: number): void => {
      value(context);
      totals.delete(this.#api.sqlite3_aggregate_context(context, 0));
    };
    this.#create(name, count, options, {
      step: this.#install("v(pip)", change(step)),
      final: this.#install("v(p)", final),
      ...(inverse && {
        value: this.#install("v(p)", value),
        inverse: this.#install("v(pip)", change(inverse)),
      }),
    });
  }

  /** When the connection is closed. */
  close(): void {
    for (const pointer of this.#installed) this.#core.sqlite.wasm.uninstallFunction(pointer);
  }

  #create(name: string, count: number, options: FunctionOptions, pointers: Pointers): void {
    const { raw, heap, db } = this.#core;
    const { call = 0, step = 0, final = 0, value, inverse } = pointers;
    const flags = flagsOf(options);
    const text = heap.allocateText(name);
    try {
      this.#core.ok(
        value === undefined || inverse === undefined
          ? raw.sqlite3_create_function_v2(db, text, count, flags, 0, call, step, final, 0)
          : raw.sqlite3_create_window_function(
              ...([db, text, count, flags, 0, step, final, value, inverse, 0] as const),
            ),
      );
    } finally {
      heap.free(text);
    }
  }

  #install(signature: string, work: (...words: never[]) => void): number {
    const pointer = this.#core.sqlite.wasm.installFunction(signature, work) as number;
    this.#installed.push(pointer);
    return pointer;
  }

  #values(argc: number, argv: number, safeIntegers: boolean): SqlValue[] {
    const values = this.#api.sqlite3_values_to_js(argc, argv);
    return values.map((value, index) => {
      if (value === undefined) return null;
      if (!safeIntegers || typeof value !== "number") return value;
      const pointer = this.#core.heap.uint32(argv + index * POINTER_SIZE);
      const isInteger = this.#api.sqlite3_value_type(pointer) === INTEGER;
      return isInteger ? this.#api.sqlite3_value_int64(pointer) : value;
    });
  }

  #result(context: number, value: unknown): void {
    const isNothing = value === undefined || value === null;
    this.#api.sqlite3_result_js(context, isNothing ? null : value);
  }

  #guard(context: number, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#thrown = error;
      this.#api.sqlite3_result_error_js(context, error);
    }
  }
}

function flagsOf({ deterministic = false, directOnly = false }: FunctionOptions): number {
  return UTF8 | (deterministic ? DETERMINISTIC : 0) | (directOnly ? DIRECT_ONLY : 0);
}
