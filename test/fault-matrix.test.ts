import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SIZE } from "./fault-matrix/cell.ts";
import { runMatrix } from "./fault-matrix/matrix.ts";
import { httpKind, verifiedKind } from "./fault-matrix/source-kinds.ts";
import { tables } from "./fault-matrix/table.ts";
import { startFaultProxy } from "./fault-proxy/client.ts";
import { FAULTS } from "./fault-proxy/faults/index.ts";

const test = suite("fault matrix");

const faults = Object.values(FAULTS).flat();
const proxy = startFaultProxy();
const kind = await httpKind(SIZE);

test.after(async () => {
  await kind[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
});

test("HTTP: each fault ends in right bytes or the named error, in time", async () => {
  await runMatrix(proxy, kind, faults);
});

test("with a manifest no wrong byte is served or kept, though nothing else shows it", async () => {
  const hidden = faults.filter(({ isHidden }) => isHidden);
  await runMatrix(proxy, await verifiedKind(kind, SIZE), hidden);
});

test("there are at least forty faults, each with a name of its own", () => {
  const names = faults.map(({ name }) => name);
  assert.is(new Set(names).size, names.length);
  assert.ok(names.length >= 40, `${names.length} faults`);
});

test("docs/faults.md is what is tested here; FAULTS_PAGE=write makes it so", () => {
  const path = fileURLToPath(new URL("../../docs/faults.md", import.meta.url));
  const page = readFileSync(path, "utf8");
  const made = page.slice(0, page.indexOf("## ")) + tables();
  if (process.env.FAULTS_PAGE === "write") writeFileSync(path, made);
  else assert.is(page, made);
});

test.run();
