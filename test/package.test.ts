import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("package");

const root = fileURLToPath(new URL("../..", import.meta.url));
const { exports, bin } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  exports: Record<string, string>;
  bin: Record<string, string>;
};

/** What a user of an entry needs by name. The package is imported by its own name, as users do. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  ".": ["hydrate", "Clone", "HeadwaterError", "isHeadwaterError"],
  "./core": ["Clone", "HeadwaterError", "isHeadwaterError"],
  "./http": ["http"],
  "./file": ["FileDevice", "FileMapStore"],
  "./memory": ["MemoryDevice", "MemoryMapStore"],
  "./manifest": ["makeManifest", "openManifest", "Manifest"],
  "./nbd": ["nbd", "serveNbd", "NbdServer"],
  "./ltx": ["litestream", "LtxDecoder", "LtxEncoder", "verifyLtx", "compactLtx", "applyLtx"],
  "./sqlite": ["openDatabase", "Database", "DatabaseSync", "SqliteError"],
  "./hyparquet": ["asyncBuffer"],
  "./testing": ["sourceConformance", "destinationConformance", "mapStoreConformance"],
};

const entries = Object.keys(exports).filter((entry) => entry !== "./package.json");
const nameOf = (entry: string): string => entry.replace(/^\./, "headwater");

test("every entry is known here", () => {
  assert.equal(entries, Object.keys(NAMES));
});

for (const [entry, names] of Object.entries(NAMES)) {
  test(`${nameOf(entry)} exports what its users need`, async () => {
    const module = (await import(nameOf(entry))) as Record<string, unknown>;
    assert.equal(
      names.filter((name) => module[name] === undefined),
      [],
    );
  });
}

/** Every module that an import brings along, in a process that has imported nothing yet. */
function loadedBy(entry: string): string[] {
  const hooks = `
    import { writeSync } from "node:fs";
    export async function load(url, context, next) {
      writeSync(1, url + "\\n");
      return next(url, context);
    }`;
  const code = `
    import { register } from "node:module";
    register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`)});
    await import(${JSON.stringify(nameOf(entry))});`;
  const child = spawnSync(process.execPath, ["--input-type=module", "--eval", code], {
    cwd: root,
    encoding: "utf8",
  });
  assert.is(child.status, 0, child.stderr);
  return child.stdout.split("\n");
}

const loadsUndici = (entry: string): boolean =>
  loadedBy(entry).some((url) => url.includes("/node_modules/undici/"));

test("HTTP is loaded by its own entry", () => {
  assert.ok(loadsUndici("./http"));
});

for (const entry of [
  ".",
  "./core",
  "./file",
  "./memory",
  "./nbd",
  "./ltx",
  "./sqlite",
  "./hyparquet",
  "./testing",
]) {
  test(`${nameOf(entry)} does not load HTTP`, () => {
    assert.not(loadsUndici(entry));
  });
}

for (const [name, path] of Object.entries(bin)) {
  test(`the command ${name} says how it is used`, () => {
    assert.match(readFileSync(join(root, path), "utf8"), /^#!\/usr\/bin\/env node\n/);
    const help = spawnSync(process.execPath, [join(root, path), "--help"], { encoding: "utf8" });
    assert.is(help.status, 0, help.stderr);
    assert.match(help.stdout, new RegExp(`\\b${name} `));
  });
}

test.run();
