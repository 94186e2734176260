import { and, asc, count, desc, eq, gt, lt, relations, sql } from "drizzle-orm";
import { BetterSQLiteSession } from "drizzle-orm/better-sqlite3/session";
import { createTableRelationsHelpers, extractTablesRelationalConfig } from "drizzle-orm/relations";
import {
  BaseSQLiteDatabase,
  blob,
  integer,
  primaryKey,
  real,
  SQLiteSyncDialect,
  sqliteTable,
  text,
} from "drizzle-orm/sqlite-core";

const author = sqliteTable("author", {
  id: integer("id").primaryKey(),
  name: text("name").notNull().unique(),
  born: integer("born"),
  info: text("info", { mode: "json" }).$type<{ prizes: number }>(),
});

const book = sqliteTable("book", {
  id: integer("id").primaryKey(),
  authorId: integer("author_id").notNull(),
  title: text("title").notNull(),
  price: real("price"),
  cover: blob("cover", { mode: "buffer" }),
  isLent: integer("is_lent", { mode: "boolean" }).notNull().default(false),
  added: integer("added", { mode: "timestamp_ms" }),
});

const loan = sqliteTable(
  "loan",
  {
    bookId: integer("book_id").notNull(),
    member: text("member").notNull(),
    day: integer("day").notNull(),
  },
  ({ bookId, member, day }) => [primaryKey({ columns: [bookId, member, day] })],
);

const schema = {
  author,
  book,
  loan,
  authorRelations: relations(author, ({ many }) => ({ books: many(book) })),
  bookRelations: relations(book, ({ one, many }) => ({
    author: one(author, { fields: [book.authorId], references: [author.id] }),
    loans: many(loan),
  })),
  loanRelations: relations(loan, ({ one }) => ({
    book: one(book, { fields: [loan.bookId], references: [book.id] }),
  })),
};

type Library = ReturnType<typeof open>;

/** As `drizzle-orm/better-sqlite3` does it, which loads that driver whether it is used or not. */
function open(database: never) {
  const { tables, tableNamesMap } = extractTablesRelationalConfig(
    schema,
    createTableRelationsHelpers,
  );
  const config = { fullSchema: schema, schema: tables, tableNamesMap };
  const dialect = new SQLiteSyncDialect();
  const session = new BetterSQLiteSession(database, dialect, config);
  return new BaseSQLiteDatabase("sync", dialect, session, config);
}

/**
 * What a program does that knows nothing but Drizzle. Returns all that it was told.
 *
 * @param database in the shape of better-sqlite3's.
 */
export function askWithDrizzle(database: object): unknown {
  const library = open(database as never);
  return { read: read(library), written: write(library), transactions: transact(library) };
}

function read(library: Library): unknown {
  const joined = library
    .select({ name: author.name, title: book.title, loans: count(loan.member) })
    .from(book)
    .innerJoin(author, eq(author.id, book.authorId))
    .leftJoin(loan, and(eq(loan.bookId, book.id), gt(loan.day, 3000)))
    .where(gt(book.price, 9))
    .groupBy(author.name, book.id)
    .orderBy(desc(count(loan.member)), asc(book.id))
    .limit(25)
    .all();
  const related = library.query.author
    .findMany({
      where: lt(author.id, 4),
      with: {
        books: {
          columns: { cover: false },
          with: { loans: { limit: 2, orderBy: asc(loan.day) } },
          limit: 3,
        },
      },
    })
    .sync();
  const prepared = library
    .select()
    .from(book)
    .where(eq(book.id, sql.placeholder("id")))
    .prepare();
  const rows = [5, 800, 5000].map((id) => prepared.get({ id }));
  const values = library.select().from(author).where(lt(author.id, 3)).values();
  return { joined, related, rows, values };
}

function write(library: Library): unknown {
  const inserted = library
    .insert(author)
    .values([
      { name: "new one", born: 2001, info: { prizes: 3 } },
      { name: "new two", info: null },
    ])
    .returning()
    .all();
  const { changes, lastInsertRowid } = library
    .insert(book)
    .values({
      ...{ authorId: 61, title: "ä€😀", price: 0.5, cover: Buffer.from([1, 2, 3]), isLent: true },
      added: new Date(1_700_000_000_000),
    })
    .run();
  const made = library.select().from(book).where(eq(book.authorId, 61)).all();
  const upserted = library
    .insert(author)
    .values({ name: "new one" })
    .onConflictDoUpdate({ target: author.name, set: { born: sql`${author.born} + 1` } })
    .returning({ born: author.born })
    .get();
  const updated = library.update(book).set({ isLent: true }).where(lt(book.id, 50)).run().changes;
  const deleted = library.delete(author).where(eq(author.id, 61)).returning().all();
  return { inserted, changes, lastInsertRowid, made, upserted, updated, deleted };
}

function transact(library: Library): unknown {
  const loans = (): number => library.select({ n: count() }).from(loan).all()[0]?.n ?? -1;
  const attempts = [
    () =>
      library.transaction((transaction: Library) => {
        transaction.delete(loan).where(lt(loan.day, 100)).run();
        transaction.insert(author).values({ name: "author 1" }).run();
      }),
    () =>
      library.transaction((transaction: Library) => {
        transaction.delete(loan).run();
        transaction.rollback();
      }),
    () =>
      library.transaction(
        (transaction: Library) => {
          transaction.delete(loan).where(lt(loan.day, 100)).run();
          try {
            transaction.transaction((inner: Library) => {
              inner.delete(loan).run();
              inner.rollback();
            });
          } catch {
            // Only what is inside is taken back.
          }
        },
        { behavior: "immediate" },
      ),
  ];
  return attempts.map((attempt) => {
    try {
      attempt();
      return ["done", loans()];
    } catch (error) {
      const { code, name } = ((error as Error).cause ?? error) as { code?: string; name: string };
      return [code ?? name, loans()];
    }
  });
}
