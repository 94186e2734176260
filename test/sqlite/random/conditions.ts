import type { SqlParameter } from "../../../adapters/sqlite/index.ts";
import type { Random } from "../../simulation/random.ts";
import { ITEMS } from "./originals.ts";

/** Collects the parameters of a statement while its text is made. */
export class Draft {
  readonly random: Random;
  readonly parameters: SqlParameter[] = [];

  constructor(random: Random) {
    this.random = random;
  }

  /** A value, bound or written out. */
  value(value: SqlParameter): string {
    if (this.random.chance(0.7)) return this.bound(value);
    if (typeof value === "string") return `'${value.replaceAll("'", "''")}'`;
    if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString("hex")}'`;
    return value === null || value === undefined ? "null" : String(value);
  }

  bound(value: SqlParameter): string {
    this.parameters.push(value);
    return "?";
  }

  id(): string {
    return this.value(BigInt(this.random.between(1, ITEMS + 40)));
  }

  integer(): string {
    return this.value(BigInt(this.random.between(-30, 220)));
  }

  kind(): string {
    const { random } = this;
    const letters = `${"abcdefghijk"[random.below(11)]}${"ABC"[random.below(3)]}`;
    return this.value(random.chance(0.5) ? letters : letters.toLowerCase());
  }
}

/**
 * Something that holds of some rows of `item`, whose columns are prefixed so. Depth 0 is one
 * comparison.
 */
export function condition(draft: Draft, prefix = "", depth = 2): string {
  const { random } = draft;
  if (depth > 0 && random.chance(0.6)) {
    const inner = (): string => condition(draft, prefix, depth - 1);
    return random.pick([
      () => `(${inner()} and ${inner()})`,
      () => `(${inner()} or ${inner()})`,
      () => `not (${inner()})`,
      () => `case when ${inner()} then ${inner()} else ${inner()} end`,
      () => `coalesce(${inner()}, ${inner()})`,
    ])();
  }
  return comparison(draft, prefix);
}

function comparison(draft: Draft, p: string): string {
  const { random } = draft;
  const operator = random.pick(["=", "<", "<=", ">", ">=", "<>", "is", "is not"]);
  return random.pick([
    () => `${p}id ${operator} ${draft.id()}`,
    () => `${p}id between ${draft.id()} and ${draft.id()}`,
    () => `${p}id in (${draft.id()}, ${draft.id()}, ${draft.id()})`,
    () => `${p}n ${operator} ${draft.integer()}`,
    () => `${p}n + ${p}id ${operator} ${draft.integer()}`,
    () => `${p}kind ${operator} ${draft.kind()}`,
    () => `${p}kind in (${draft.kind()}, ${draft.kind()})`,
    () => `${p}label = ${draft.kind()} || '-' || ${draft.integer()}`,
    () => `${p}note like ${draft.value(`note ${random.below(60)}%`)}`,
    () => `${p}note glob ${draft.value(`*[${random.below(9)}-9] of xx*`)}`,
    () => `${p}note is null`,
    () => `${p}r * 8 % 2 ${operator} ${draft.value(BigInt(random.below(3)))}`,
    () => `length(${p}body) ${operator} ${draft.integer()}`,
    () => `${p}twice % ${random.between(2, 9)} = 0`,
    () => `exists (select 1 from part q where q.item = ${p}id and q.weight > ${draft.integer()})`,
    () => `${p}id in (select item from part where name = 'part ' || ${draft.integer()})`,
    () => `${p}n > (select avg(weight) / 5 from part q where q.item = ${p}id)`,
    () => `(${p}kind, ${p}n) > (${draft.kind()}, ${draft.integer()})`,
  ])();
}

const NUMBERS = ["id", "n", "twice", "length(note)", "length(body)", "n * id", "abs(n)", "n & 31"];
const SCALARS = [
  ...NUMBERS,
  ...["kind", "label", "r", "note", "hex(substr(body, 1, 3))", "upper(kind) || n", "typeof(note)"],
  ...["r * 2", "round(r, 1)", "substr(note, -4, 3)", "instr(note, 'x')", "iif(n > 90, 'much', n)"],
  ...["nullif(n % 5, 2)", "quote(note)", "cast(r as integer)", "json_array(id, kind, r)"],
];

/** An expression of the columns of `item`. */
export function scalar(random: Random, prefix = ""): string {
  return prefixed(random.pick(SCALARS), prefix);
}

/** The same, of integers or nulls: sums of these are the same in any order. */
export function integer(random: Random, prefix = ""): string {
  return prefixed(random.pick(NUMBERS), prefix);
}

function prefixed(expression: string, prefix: string): string {
  return expression.replaceAll(/\b(id|n|twice|note|body|kind|label|r)\b(?!\()/g, `${prefix}$1`);
}
