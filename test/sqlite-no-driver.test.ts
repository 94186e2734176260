import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { findSqlite, make, makeFolder } from "./sqlite-databases.ts";

const test = suite("a native driver that cannot be loaded");

const program = findSqlite();
const folder = makeFolder();
const recipe = { name: "one", sql: "create table one(n); insert into one values (1);" };
const sqlite = fileURLToPath(new URL("../adapters/sqlite/index.js", import.meta.url));
const memory = fileURLToPath(new URL("../adapters/memory.js", import.meta.url));

/** A project with a better-sqlite3 that was built for another Node, as far as can be seen. */
function project(): string {
  const path = join(folder, "project");
  const place = join(path, "node_modules", "better-sqlite3");
  mkdirSync(place, { recursive: true });
  const about = { name: "better-sqlite3", version: "12.4.1", main: "index.js" };
  writeFileSync(join(place, "package.json"), JSON.stringify(about));
  writeFileSync(join(place, "index.js"), 'throw new Error("compiled against another Node");');
  return path;
}

test("a whole file is opened in WebAssembly, by many, read and written", () => {
  if (program === undefined) return;
  const database = make(program, folder, recipe);
  const script = `
    import { readFileSync } from "node:fs";
    import { openDatabase } from ${JSON.stringify(sqlite)};
    import { MemoryDevice } from ${JSON.stringify(memory)};
    const bytes = new Uint8Array(readFileSync(${JSON.stringify(database)}));
    const open = (writable) => openDatabase(
      new MemoryDevice(bytes.slice(), { identity: "one" }), "copy.db", { writable });
    const first = await open(false);
    await first.ensureLocal();
    const told = [await first.all("select n from one"), first.driver];
    await first.close();
    const second = await open(true);
    const third = await second.connect();
    await second.run("insert into one values (2)");
    await third.run("insert into one values (3)");
    told.push(await second.all("select n from one"), second.driver, third.driver);
    told.push(/another Node/.test(String(second.status().driverFailure?.message)));
    await third.close();
    await second.close();
    console.log(JSON.stringify(told));`;
  const cwd = project();
  writeFileSync(join(cwd, "main.mjs"), script);
  const child = spawnSync(process.execPath, ["main.mjs"], {
    cwd,
    encoding: "utf8",
    env: { ...process.env, NODE_PATH: "" },
  });
  assert.is(child.status, 0, child.stderr);
  const rows = [{ n: 1 }, { n: 2 }, { n: 3 }];
  // Node's own is as good where it is complete.
  const [one, , all, driver, other, isTold] = JSON.parse(child.stdout) as unknown[];
  assert.equal(one, [{ n: 1 }]);
  assert.equal(all, rows);
  assert.is(driver, other);
  assert.ok(driver === "node:sqlite" || (driver === "wasm" && isTold), child.stdout);
});

test.run();
