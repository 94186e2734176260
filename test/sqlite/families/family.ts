import type { SqlStep } from "../step.ts";

/** Statements that are much alike: each asks the same of other values, types or tables. */
export interface Family {
  readonly name: string;
  readonly steps: readonly SqlStep[];
}

/** All of one, with all of the other. */
export function pairs<A, B>(as: readonly A[], bs: readonly B[]): [A, B][] {
  return as.flatMap((a) => bs.map((b): [A, B] => [a, b]));
}

/** Statements whose rows come in the order that they ask for, or are one. */
export function ordered(sqls: readonly string[]): SqlStep[] {
  return sqls.map((sql) => ({ sql, isOrdered: true }));
}

export function unordered(sqls: readonly string[]): SqlStep[] {
  return sqls.map((sql) => ({ sql }));
}

/** A value with its type, as columns of those names. */
export function typed(expression: string, name = "v"): string {
  return `${expression} as ${name}, typeof(${expression}) as t${name}`;
}

/** The same of many expressions, in one row. */
export function typedAll(expressions: readonly string[]): string {
  return expressions.map((expression, index) => typed(expression, `v${index}`)).join(", ");
}
