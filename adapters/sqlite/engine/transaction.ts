type Work = (...values: never[]) => unknown;

/** The database that a transaction is of. */
export interface TransactionOwner {
  readonly inTransaction: boolean;
  exec(sql: string): unknown;
}

/** A function that runs in a transaction; inside another one, in a savepoint. */
export type Transaction<Wrapped extends Work> = Wrapped & {
  readonly default: Transaction<Wrapped>;
  readonly deferred: Transaction<Wrapped>;
  readonly immediate: Transaction<Wrapped>;
  readonly exclusive: Transaction<Wrapped>;
  readonly database: TransactionOwner;
};

const SAVEPOINT = "`\t_bs3.\t`";

/** In the shape of better-sqlite3's: what `work` throws takes back what it did. */
export function transaction<Wrapped extends Work>(
  database: TransactionOwner,
  work: Wrapped,
): Transaction<Wrapped> {
  const run = (begin: string) =>
    function (this: unknown, ...values: Parameters<Wrapped>): unknown {
      const isNested = database.inTransaction;
      database.exec(isNested ? `SAVEPOINT ${SAVEPOINT}` : begin);
      try {
        const result = work.apply(this, values);
        if (isThenable(result)) throw new TypeError("Transaction function cannot return a promise");
        database.exec(isNested ? `RELEASE ${SAVEPOINT}` : "COMMIT");
        return result;
      } catch (error) {
        if (database.inTransaction) {
          const undo = `ROLLBACK TO ${SAVEPOINT}; RELEASE ${SAVEPOINT}`;
          database.exec(isNested ? undo : "ROLLBACK");
        }
        throw error;
      }
    };
  const variants: Record<string, unknown> = {
    default: run("BEGIN"),
    deferred: run("BEGIN DEFERRED"),
    immediate: run("BEGIN IMMEDIATE"),
    exclusive: run("BEGIN EXCLUSIVE"),
  };
  for (const variant of Object.values(variants)) {
    Object.defineProperties(
      variant as object,
      Object.fromEntries(
        [...Object.entries(variants), ["database", database]].map(([name, value]) => [
          name as string,
          { value },
        ]),
      ),
    );
  }
  return variants.default as Transaction<Wrapped>;
}

function isThenable(value: unknown): boolean {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}
