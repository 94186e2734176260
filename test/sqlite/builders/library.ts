import { numbers } from "../../sqlite-recipes.ts";

/** Authors, their books and who has borrowed them. */
export const LIBRARY_SQL: string = `
  create table author(id integer primary key, name text not null unique, born integer, info text);
  create table book(
    id integer primary key, author_id integer not null references author(id) on delete cascade,
    title text not null, price real, cover blob, is_lent integer not null default 0,
    added integer
  );
  create index book_author on book(author_id);
  create table loan(
    book_id integer not null references book(id), member text not null, day integer not null,
    primary key (book_id, member, day)
  ) without rowid;
  ${numbers(60)} insert into author
    select i, 'author ' || i, 1900 + i, iif(i % 3, json_object('prizes', i % 4), null) from n;
  ${numbers(900)} insert into book
    select i, 1 + i * 7 % 60, 'title ' || (i * 7919 % 1009), i % 40 / 4.0, zeroblob(i % 30),
      i % 5 = 0, 1700000000000 + i * 86400000 from n;
  ${numbers(4000)} insert into loan select 1 + i * 17 % 900, 'member ' || (i % 97), i from n;`;
