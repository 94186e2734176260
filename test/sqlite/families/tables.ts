/** Free pages, so that what families make seldom makes the file grow. */
const ROOM = "create table room(a); insert into room values (zeroblob(500000)); drop table room;";

/**
 * What all families ask about: values of every type in columns of every affinity, people and what
 * they bought, text in three collations, documents.
 */
export const TABLES: string = `${ROOM}
  create table kinds(
    id integer primary key, i integer, r real, t text, n numeric, b blob, a
  );
  insert into kinds values
    (1, 1, 1, 1, 1, 1, 1),
    (2, '1', '1', '1', '1', '1', '1'),
    (3, 2.5, 2.5, 2.5, 2.5, 2.5, 2.5),
    (4, '2.50', '2.50', '2.50', '2.50', '2.50', '2.50'),
    (5, null, null, null, null, null, null),
    (6, 'abc', 'abc', 'abc', 'abc', 'abc', 'abc'),
    (7, x'616263', x'616263', x'616263', x'616263', x'616263', x'616263'),
    (8, -3, -3, -3, -3, -3, -3),
    (9, '', '', '', '', '', ''),
    (10, 9223372036854775807, 9223372036854775807, 9223372036854775807, 9223372036854775807,
      9223372036854775807, 9223372036854775807),
    (11, 1e300, 1e300, 1e300, 1e300, 1e300, 1e300),
    (12, ' 7 ', ' 7 ', ' 7 ', ' 7 ', ' 7 ', ' 7 ');
  create table people(
    id integer primary key, name text not null, city text, age integer, boss integer
  );
  insert into people values
    (1, 'Ada', 'Paris', 36, null), (2, 'Bo', 'Oslo', 22, 1), (3, 'Cy', 'Paris', 51, 1),
    (4, 'Di', null, 22, 2), (5, 'Ed', 'Rome', null, 2), (6, 'Flo', 'Oslo', 64, 3),
    (7, 'Gil', 'Rome', 36, 9), (8, 'Hal', null, null, null);
  create table orders(
    id integer primary key, person integer, item text, amount integer, price real, day text
  );
  insert into orders
    with recursive c(i) as (select 1 union all select i + 1 from c where i < 40)
    select i, nullif(i * 7 % 10, 0), char(97 + i * 3 % 5), i * 13 % 17 - 3, (i * 37 % 64) / 4.0,
      date('2024-01-30', i * 5 || ' days') from c;
  update orders set price = null where id % 9 = 0;
  create index orders_person on orders(person);
  create index orders_item on orders(item, amount desc);
  create table tags(owner integer, tag text, weight integer, primary key(owner, tag)) without rowid;
  insert into tags select id, char(96 + id), id * 3 from people where id % 2;
  insert into tags select id, 'z', 100 - id from people;
  create table words(
    id integer primary key, plain text, nocase text collate nocase, rtrim text collate rtrim
  );
  insert into words(id, plain) values
    (1, 'abc'), (2, 'ABC'), (3, 'abc  '), (4, 'ABD'), (5, 'äbc'), (6, 'ÄBC'), (7, ''), (8, null),
    (9, '100%'), (10, 'a_c'), (11, 'a*c'), (12, '[ab]'), (13, 'abcabc'), (14, '  abc'),
    (15, 'Ab' || char(10) || 'c'), (16, '日本語'), (17, 'x' || char(0) || 'y'), (18, '🎉🎉');
  update words set nocase = plain, rtrim = plain;
  create index words_nocase on words(nocase);
  create table documents(id integer primary key, body text);
  insert into documents values
    (1, '{"a":1,"b":[1,2,{"c":null}],"d":"text","e":{"f":1.5,"g":true}}'),
    (2, '[1,"two",3.0,null,[4,[5]],{"x":"y"}]'),
    (3, '"only text"'), (4, '17'), (5, 'null'), (6, 'not json'), (7, null),
    (8, '{"a":{"a":{"a":"deep"}},"ключ":"значение","q\\"uote":1}'),
    (9, '{a:1, b:''two'', // json5
      c:0x1F,}'), (10, '[]');
`;
