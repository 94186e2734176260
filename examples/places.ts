// Makes a SQLite database to try things with, 3.6 MB: 42 049 places of the United States by zip
// code, from the CSV that the npm package vega-datasets ships.
//
//   node dist/examples/places.js FILE
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import init from "@sqlite.org/sqlite-wasm";

const [file = ""] = process.argv.slice(2);

const packageFolder = dirname(dirname(fileURLToPath(import.meta.resolve("vega-datasets"))));
const text = readFileSync(join(packageFolder, "data", "zipcodes.csv"), "utf8");
const [, ...lines] = text.trimEnd().split("\n");

const sqlite3 = await init();
const db = new sqlite3.oo1.DB(":memory:");
db.exec(`
  create table place(
    zip text primary key, latitude real, longitude real, city text, state text, county text);
  create index place_city on place(city);
  begin;`);
const insert = db.prepare("insert into place values (?, ?, ?, ?, ?, ?)");
for (const line of lines) insert.bind(line.split(",")).stepReset();
insert.finalize();
db.exec("commit");
writeFileSync(file, sqlite3.capi.sqlite3_js_db_export(db));
