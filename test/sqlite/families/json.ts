import { type Family, ordered, pairs, typed } from "./family.ts";

const PATHS = [
  ...["$", "$.a", "$.b", "$.b[2]", "$.b[2].c", "$.b[#-1]", "$.e.f", "$[0]", "$[4][1][0]", "$[9]"],
  ...["$.a.a.a", '$."ключ"', '$."q\\"uote"', "$.b[", "a", "$.nope.x", "$[#]"],
];
const ARROWS = ["'a'", "'b'", "0", "-1", "'$.e.g'", "'$[5].x'", "null", "''"];
const WHOLE = [
  ...["json(body)", "jsonb(body)", "json_type(body)", "json_valid(body)", "json_valid(body, 2)"],
  ...[
    "json_array_length(body)",
    "json_pretty(body)",
    "json_quote(body)",
    "json_error_position(body)",
  ],
  ...["json_remove(body, '$.a', '$[1]')", 'json_patch(body, \'{"a":null,"z":[1]}\')'],
  ...["json(jsonb(body))", "json_array(body, id)", "json_object('k', body)", "json_valid(body, 6)"],
];
const CHANGES = ["json_set", "json_insert", "json_replace", "jsonb_set"];
const VALUES = ["1", "'text'", "json('[1,2]')", "null", "2.5"];

/** One document after the other: most fail for some of them. */
const IDS = Array.from({ length: 10 }, (_, index) => index + 1);

const documents: Family = {
  name: "json",
  steps: ordered([
    ...pairs(WHOLE, IDS).map(
      ([call, id]) => `select ${typed(call)} from documents where id = ${id}`,
    ),
    ...pairs(PATHS, IDS).map(
      ([path, id]) =>
        `select ${typed(`json_extract(body, '${path}')`)}, json_type(body, '${path}') as j
         from documents where id = ${id}`,
    ),
    ...pairs(ARROWS, IDS).map(
      ([path, id]) =>
        `select ${typed(`body -> ${path}`)}, ${typed(`body ->> ${path}`, "w")}
         from documents where id = ${id}`,
    ),
    ...pairs(pairs(CHANGES, VALUES), ["$.a", "$.new", "$[1]", "$.b[#]", "$"]).map(
      ([[call, value], path]) =>
        `select id, hex(${call}(body, '${path}', ${value})) as v from documents
         where json_valid(body, 1) order by id`,
    ),
  ]),
};

const tables: Family = {
  name: "tables of json",
  steps: ordered([
    ...pairs(["json_each", "json_tree"], IDS).flatMap(([call, id]) => [
      `select key, value, type, atom, fullkey, path from documents, ${call}(body)
       where documents.id = ${id} order by fullkey, key`,
      `select count(*) as n, group_concat(type, ',' order by fullkey) as types
       from documents, ${call}(body, '$.b') where documents.id = ${id}`,
    ]),
    ...["id", "name", "age", "city"].flatMap((column) => [
      `select json_group_array(${column} order by id) as v from people`,
      `select city, json_group_array(${column} order by id desc) filter (where age > 30) as v
       from people group by city order by city`,
      `select json_group_object(name, ${column} order by id) as v from people`,
    ]),
  ]),
};

export const json: readonly Family[] = [documents, tables];
