import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { PACKAGES } from "./floors.ts";

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
  "./manifest": ["makeManifest", "openManifest", "Manifest", "verified"],
  "./s3": ["s3", "S3Objects", "verifyByChecksum"],
  "./several": ["several"],
  "./nbd": ["nbd", "serveNbd", "NbdServer"],
  "./ltx": ["litestream", "LtxDecoder", "LtxEncoder", "verifyLtx", "compactLtx", "applyLtx"],
  "./sqlite": ["openDatabase", "Database", "DatabaseSync", "SqliteError"],
  "./blob": ["blobOf", "CloneBlob"],
  "./fetch": ["fetchFrom"],
  "./file-handle": ["fileHandle", "CloneFileHandle"],
  "./streams": ["webStream", "nodeStream", "readPieces"],
  "./serve-http": ["serveHttp", "HttpServer"],
  "./geotiff": ["tiffSource", "tileRanges", "hydrateWindow"],
  "./hyparquet": ["asyncBuffer", "columnRanges", "hydrateColumns"],
  "./pmtiles": ["tileSource", "tileRanges", "hydrateTiles"],
  "./zarr": ["ZarrStore", "hydrateKeys"],
  "./zip": ["zipReader", "unzipitReader", "yauzlReader", "hydrateEntries"],
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

const loads = (entry: string, name: string): boolean =>
  loadedBy(entry).some((url) => url.includes(`/node_modules/${name}/`));

test("HTTP is loaded by its own entry", () => {
  assert.ok(loads("./http", "undici"));
});

/** The adapters that an entry is allowed to bring along, besides its own. */
const ALONG: Readonly<Record<string, readonly string[]>> = {
  ".": ["hydrate", "file", "manifest"],
  "./blob": ["streams"],
  "./fetch": ["range-answer", "streams"],
  "./file-handle": ["streams"],
  "./geotiff": ["exact-buffer"],
  "./hyparquet": ["exact-buffer"],
  "./manifest": ["http"],
  "./pmtiles": ["exact-buffer"],
  "./s3": ["http"],
  "./serve-http": ["range-answer", "streams"],
  "./sqlite": ["hydrate", "file", "manifest"],
  "./zip": ["exact-buffer", "streams"],
};
/** Of lib, with what they bring along. */
const OF_LIB = ["eventemitter3", "p-queue", "p-timeout", "roaring", "roaring-wasm"];

for (const entry of entries) {
  test(`${nameOf(entry)} loads nothing of other adapters`, () => {
    const loaded = loadedBy(entry);
    const named = (pattern: RegExp): string[] => [
      ...new Set(loaded.flatMap((url) => pattern.exec(url)?.[1] ?? [])),
    ];
    const allowed = [entry.slice(2), ...(ALONG[entry] ?? [])];
    const adapters = named(/\/dist\/adapters\/([^/.]+)/);
    assert.ok(loaded.some((url) => url.endsWith(exports[entry]?.slice(1) ?? "")));
    assert.equal(
      adapters.filter((name) => !allowed.includes(name)),
      [],
    );
    const theirs = adapters.flatMap((name) => PACKAGES[`adapters/${name}`] ?? []);
    const packages = named(/\/node_modules\/((?:@[^/]+\/)?[^/]+)/);
    assert.equal(
      packages.filter((name) => ![...OF_LIB, ...theirs].includes(name)),
      [],
    );
  });
}

test("the AWS SDK is loaded when something in S3 is opened, and not before", () => {
  for (const entry of ["./s3", "./ltx"]) assert.not(loads(entry, "@aws-sdk"));
});

test("where the AWS SDK is not installed, what uses it says what to install", () => {
  const hooks = `
    export async function resolve(name, context, next) {
      if (!name.startsWith("@aws-sdk/")) return next(name, context);
      throw Object.assign(new Error("Cannot find package"), { code: "ERR_MODULE_NOT_FOUND" });
    }`;
  const code = `
    import { register } from "node:module";
    register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`)});
    const { s3 } = await import("headwater/s3");
    await s3("s3://bucket/key").open().catch(({ code, message }) => console.log(code, message));`;
  const child = spawnSync(process.execPath, ["--input-type=module", "--eval", code], {
    cwd: root,
    encoding: "utf8",
  });
  const advice = "run: npm install @aws-sdk/client-s3 @aws-sdk/s3-request-presigner";
  assert.match(child.stdout, new RegExp(`^SOURCE_FAILED .*${advice}`), child.stderr);
});

test("what users see needs no types of packages that they may not have", () => {
  const folder = join(root, "dist", "adapters");
  const seen = new Set(["hydrate.d.ts", "s3/index.d.ts", "ltx/index.d.ts"]);
  for (const path of seen) {
    const text = readFileSync(join(folder, path), "utf8");
    assert.not.match(text, /["']@aws-sdk\//, path);
    for (const [, to = ""] of text.matchAll(/from "(\.[^"]+)\.ts"/g)) {
      const found = join(dirname(path), `${to}.d.ts`);
      if (!found.startsWith("..")) seen.add(found);
    }
  }
  assert.ok(seen.has("s3/options.d.ts"));
});

for (const [name, path] of Object.entries(bin)) {
  test(`the command ${name} says how it is used`, () => {
    assert.match(readFileSync(join(root, path), "utf8"), /^#!\/usr\/bin\/env node\n/);
    const help = spawnSync(process.execPath, [join(root, path), "--help"], { encoding: "utf8" });
    assert.is(help.status, 0, help.stderr);
    assert.match(help.stdout, new RegExp(`\\b${name} `));
  });
}

test.run();
