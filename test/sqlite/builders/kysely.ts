import { type Generated, Kysely, SqliteDialect, type SqliteDialectConfig, sql } from "kysely";

interface Tables {
  readonly author: { id: Generated<number>; name: string; born: number | null };
  readonly book: {
    id: Generated<number>;
    author_id: number;
    title: string;
    price: number | null;
    cover: Uint8Array | null;
    is_lent: Generated<number>;
  };
  readonly loan: { book_id: number; member: string; day: number };
  readonly shelf: { id: Generated<number>; label: string; books: number };
}

type Library = Kysely<Tables>;

/** What a program does that knows nothing but Kysely. Returns all that it was told. */
export async function askWithKysely(database: SqliteDialectConfig["database"]): Promise<unknown> {
  const library: Library = new Kysely<Tables>({ dialect: new SqliteDialect({ database }) });
  const told = {
    read: await read(library),
    tables: (await library.introspection.getTables()).map(({ name, columns }) => [
      name,
      columns.map(({ name, dataType, isNullable }) => [name, dataType, isNullable]),
    ]),
    written: await write(library),
    transactions: await transact(library),
    defined: await define(library),
  };
  await library.destroy();
  return told;
}

async function read(library: Library): Promise<unknown> {
  const joined = await library
    .selectFrom("book as b")
    .innerJoin("author as a", "a.id", "b.author_id")
    .leftJoin("loan as l", (join) => join.onRef("l.book_id", "=", "b.id").on("l.day", ">", 3000))
    .select(({ fn }) => ["a.name", "b.title", fn.count<number>("l.member").as("loans")])
    .where((expression) =>
      expression.or([expression("b.price", ">", 9), expression("a.born", "in", [1901, 1950])]),
    )
    .groupBy(["a.name", "b.id"])
    .having(({ fn }) => fn.count("l.member"), ">", 0)
    .orderBy("loans", "desc")
    .orderBy("b.id")
    .limit(25)
    .execute();
  const ranked = await library
    .with("dear", (inner) => inner.selectFrom("book").selectAll().where("price", ">=", 8))
    .selectFrom("dear")
    .select(({ fn }) => [
      "id",
      fn
        .agg<number>("rank")
        .over((over) => over.partitionBy("author_id").orderBy("id"))
        .as("rank"),
    ])
    .orderBy("id")
    .execute();
  const streamed: unknown[] = [];
  for await (const { id, cover } of library.selectFrom("book").select(["id", "cover"]).stream(50)) {
    streamed.push([id, cover?.length]);
    if (streamed.length === 700) break;
  }
  return { joined, ranked, streamed };
}

async function write(library: Library): Promise<unknown> {
  const inserted = await library
    .insertInto("author")
    .values([
      { name: "new one", born: 2001 },
      { name: "new two", born: null },
    ])
    .executeTakeFirst();
  const upserted = await library
    .insertInto("author")
    .values({ name: "new one", born: 2002 })
    .onConflict((conflict) => conflict.column("name").doUpdateSet({ born: 1999 }))
    .returningAll()
    .execute();
  const cover = Buffer.from([1, 2, 3]);
  const book = await library
    .insertInto("book")
    .values({ author_id: 61, title: "ä€😀", price: 0.5, cover })
    .returning(["id", "is_lent", "cover"])
    .executeTakeFirstOrThrow();
  const updated = await library
    .updateTable("book")
    .set((expression) => ({ price: expression("price", "+", 1) }))
    .where("author_id", "=", 5)
    .executeTakeFirst();
  const deleted = await library.deleteFrom("author").where("id", "=", 61).executeTakeFirst();
  const left = await library.selectFrom("book").select("id").where("author_id", "=", 61).execute();
  return {
    inserted,
    upserted,
    book: { ...book, cover: [...(book.cover ?? [])] },
    updated,
    deleted,
    left,
  };
}

async function transact(library: Library): Promise<unknown> {
  const count = async (): Promise<unknown> =>
    library
      .selectFrom("loan")
      .select(({ fn }) => fn.countAll<number>().as("n"))
      .execute();
  const failed = await library
    .transaction()
    .execute(async (transaction) => {
      await transaction.deleteFrom("loan").where("day", "<", 100).execute();
      await transaction.insertInto("author").values({ name: "author 1", born: 1 }).execute();
    })
    .catch((error: { code?: string; message: string }) => [error.code, error.message]);
  const before = await count();
  await library.transaction().execute(async (transaction) => {
    await transaction.deleteFrom("loan").where("day", "<", 100).execute();
  });
  return { failed, before, after: await count() };
}

async function define(library: Library): Promise<unknown> {
  await library.schema
    .createTable("shelf")
    .addColumn("id", "integer", (column) => column.primaryKey().autoIncrement())
    .addColumn("label", "text", (column) => column.notNull().unique())
    .addColumn("books", "integer", (column) => column.defaultTo(0))
    .execute();
  await library.schema.createIndex("shelf_books").on("shelf").column("books").execute();
  await library.schema.alterTable("shelf").addColumn("room", "text").execute();
  await library
    .insertInto("shelf")
    .columns(["label", "books"])
    .expression(
      library
        .selectFrom("book")
        .select(({ fn }) => [
          sql<string>`'shelf ' || author_id`.as("label"),
          fn.countAll<number>().as("n"),
        ])
        .groupBy("author_id"),
    )
    .execute();
  const rows = await library.selectFrom("shelf").selectAll().orderBy("id").execute();
  await library.schema.dropTable("shelf").execute();
  const gone = await library
    .selectFrom("shelf")
    .selectAll()
    .execute()
    .catch((error: Error) => error.message);
  return { rows, gone };
}
