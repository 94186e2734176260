import type { Database, SqlRow } from "../../adapters/sqlite/index.ts";
import type { Random } from "../simulation/random.ts";

const ACCOUNTS = 300;

/** Accounts whose pages are far apart, and how often something was moved between them. */
export const ACCOUNTS_SQL: string = `
  create table accounts(id integer primary key, balance integer not null, padding blob);
  with recursive n(i) as (select 1 union all select i + 1 from n where i < ${ACCOUNTS})
  insert into accounts select i, 1000 + i, zeroblob(700) from n;
  create table moves(n integer not null);
  insert into moves values (0);
  create index accounts_balance on accounts(balance);`;

/** Everything at one moment, in one statement. */
export const STATE = `select (select n from moves) as n,
  (select group_concat(id || ':' || balance, ' ' order by id) from accounts) as state`;

/** The same from another index, in two statements. */
const PARTS = [
  "select n from moves",
  "select group_concat(id || ':' || balance, ' ' order by id) as state from accounts",
  "select sum(balance) as sum, count(*) as count from accounts indexed by accounts_balance",
] as const;

/** What a writer does, beside what must be there after each of its commits. */
export class Accounts {
  readonly #balances: number[] = Array.from({ length: ACCOUNTS }, (_, index) => 1001 + index);
  /** By the number of moves. */
  readonly #states: string[] = [];
  /** Moves of which the commit was asked for. */
  begun = 0;
  /** Moves that are committed. */
  done = 0;

  constructor() {
    this.#states.push(this.#state());
  }

  get sum(): number {
    return this.#balances.reduce((sum, balance) => sum + balance, 0);
  }

  /** Some moves in one transaction, which is committed or not. */
  async move(db: Database, random: Random): Promise<void> {
    const isTakenBack = random.chance(0.2);
    const moved = [...this.#balances];
    const work = db.transaction(
      async (transaction) => {
        for (let count = random.between(1, 30); count > 0; count -= 1) {
          const [from, to, amount] = [random.below(ACCOUNTS), random.below(ACCOUNTS), 1 + count];
          const change = "update accounts set balance = balance + ? where id = ?";
          await transaction.run(change, [-amount, from + 1]);
          await transaction.run(change, [amount, to + 1]);
          moved[from] = (moved[from] as number) - amount;
          moved[to] = (moved[to] as number) + amount;
        }
        await transaction.run("update moves set n = n + 1");
        if (isTakenBack) throw new TakenBack();
        this.#balances.splice(0, ACCOUNTS, ...moved);
        this.#states.push(this.#state());
        this.begun += 1;
      },
      { mode: random.pick(["immediate", "exclusive", "deferred"] as const) },
    );
    await work.catch((error: unknown) => {
      if (!(error instanceof TakenBack)) throw error;
    });
    if (!isTakenBack) this.done += 1;
  }

  /** What is wrong with what was read, of which so much was committed when it began. */
  problem({ n, state }: SqlRow, doneBefore: number): string | undefined {
    if (Number(n) < doneBefore) return `${doneBefore} moves were committed, and ${n} are seen`;
    if (Number(n) > this.begun) return `${n} moves are seen, and ${this.begun} were committed`;
    return this.#states[Number(n)] === state ? undefined : `after ${n} moves another state is seen`;
  }

  #state(): string {
    return this.#balances.map((balance, index) => `${index + 1}:${balance}`).join(" ");
  }
}

class TakenBack extends Error {}

/** Reads in a transaction, in several statements. */
export async function readInParts(db: Database): Promise<SqlRow> {
  return db.transaction(async (transaction) => {
    const rows: SqlRow[] = [];
    for (const sql of PARTS) rows.push((await transaction.get(sql)) ?? {});
    return Object.assign({}, ...rows) as SqlRow;
  });
}
