import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ADAPTERS, FLOORS, PACKAGES, STRANGERS } from "./floors.ts";

const test = suite("tidy");

const root = fileURLToPath(new URL("../..", import.meta.url));

const BANNED = [
  "cache",
  "caches",
  "chunk",
  "chunks",
  "manager",
  "helper",
  "helpers",
  "util",
  "utils",
];

const NOT_OURS = [".git", "dist", "node_modules"];

/** One import, export-from or `import()` of a file. */
interface Import {
  readonly from: string;
  readonly to: string;
}

/** Every file that we wrote, by its path from the root. */
const written = filesIn("").filter((path) => !/(^|\/)package-lock\.json$|\.tgz$/.test(path));
const sources = written.filter((path) => /^(lib|adapters|examples|test|bench)\/.*\.ts$/.test(path));
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const imports = sources.flatMap((path) => importsOf(path));

function filesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (NOT_OURS.includes(path)) return []; // .git is a file in a second working tree
    if (entry.isFile()) return [path];
    return entry.isDirectory() ? filesIn(path) : [];
  });
}

/** The code without its comments, which may quote imports. */
function withoutComments(code: string): string {
  const stringOrComment =
    /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/.*$/gm;
  return code.replace(stringOrComment, (_, text: string | undefined) => text ?? "");
}

function importsOf(path: string): Import[] {
  const code = withoutComments(read(path));
  const statements = [
    /^(?:import|export)\b[^"';]*?\bfrom\s*"([^"]+)"/gm,
    /^import\s*"([^"]+)"/gm,
    /\bimport\(\s*"([^"]+)"\s*\)/g,
  ].flatMap((statement) => [...code.matchAll(statement)]);
  return statements.map(([, name = ""]) => {
    const to = name.startsWith(".") ? join(dirname(path), name).replaceAll("\\", "/") : name;
    return { from: path, to };
  });
}

/** `adapters/http/index.ts` and `adapters/http.ts` are both the adapter `http`. */
function adapterOf(path: string): string | undefined {
  return /^adapters\/([^/.]+)/.exec(path)?.[1];
}

function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1-$2")
    .toLowerCase()
    .split(/[^a-z0-9]+/);
}

/** `readIntoSync` and `fsync` name what others named; a noun or a verb "sync" is for `flush`. */
function isBanned(name: string): boolean {
  const words = wordsOf(name);
  const endsSynchronous = words.length > 1 && words.at(-1) === "sync";
  const mine = endsSynchronous ? words.slice(0, -1) : words;
  return mine.some((word) => BANNED.includes(word) || word === "sync" || word === "syncer");
}

function exportedNames(path: string): string[] {
  const code = withoutComments(read(path));
  const declared = code.matchAll(
    /^export (?:[a-z]+ )*(?:class|function\*?|const|let|interface|type) ([\w$]+)/gm,
  );
  const listed = code.matchAll(/^export (?:type )?\{([^}]*)\}/gm);
  return [
    ...[...declared].map(([, name = ""]) => name),
    ...[...listed].flatMap(([, names = ""]) => names.match(/[\w$]+(?=\s*(?:,|$))/g) ?? []),
  ];
}

test("the tidy test sees the house", () => {
  assert.ok(sources.length > 5, `${sources.length} source files`);
  assert.ok(imports.length > 5, `${imports.length} imports`);
  assert.ok(sources.flatMap(exportedNames).includes("HeadwaterError"));
});

test("every relative import has its file and its extension", () => {
  const lost = imports.filter(({ to }) => /^(\.|lib|adapters|test|examples|bench)\//.test(to));
  assert.equal(
    lost.filter(({ to }) => !sources.includes(to)).map(({ from, to }) => `${from} -> ${to}`),
    [],
  );
});

test("in lib an arrow points down", () => {
  const floorOf = (path: string): number =>
    FLOORS.findIndex((floor) => floor.includes(basename(path, ".ts")));
  const inLib = sources.filter((path) => path.startsWith("lib/"));
  assert.equal(
    inLib.filter((path) => floorOf(path) === -1),
    [],
    "a file of lib has no floor: give it one in FLOORS",
  );

  const up = imports.filter(({ from, to }) => {
    if (!from.startsWith("lib/") || !sources.includes(to)) return false;
    return !to.startsWith("lib/") || floorOf(to) > floorOf(from);
  });
  const sideOf = (path: string): number =>
    STRANGERS.findIndex((side) => side.includes(basename(path, ".ts")));
  const strange = imports.filter(({ from, to }) => {
    const sides = [from, to].map(sideOf);
    return from.startsWith("lib/") && !sides.includes(-1) && sides[0] !== sides[1];
  });
  assert.equal([...up, ...strange], []);
});

/** Those of floor 0 load nothing more: a thread that works beside a clone starts the sooner. */
const LIB_DOORS = ["lib/index.ts", "lib/abortable.ts", "lib/assert.ts", "lib/errors.ts"];

test("an adapter imports what lib offers, its own files and the adapters it is allowed", () => {
  const wrong = imports.filter(({ from, to }) => {
    const adapter = adapterOf(from);
    if (adapter === undefined || !sources.includes(to)) return false;
    if (to.startsWith("lib/")) return !LIB_DOORS.includes(to);
    const other = adapterOf(to);
    if (other === adapter) return false;
    if (other === undefined || !ADAPTERS[adapter]?.includes(other)) return true;
    return to !== `adapters/${other}.ts` && to !== `adapters/${other}/index.ts`;
  });
  assert.equal(wrong, []);
});

test("lib and the adapters import only the packages that are theirs", () => {
  const wrong = imports.filter(({ from, to }) => {
    if (sources.includes(to)) return false;
    const part = Object.keys(PACKAGES).find(
      (name) => from.startsWith(`${name}/`) || from === `${name}.ts`,
    );
    if (part === undefined) return false;
    const allowed = PACKAGES[part] ?? [];
    return !allowed.some((name) => to === name || (name.endsWith(":") && to.startsWith(name)));
  });
  assert.equal(wrong, []);
});

test("nothing below imports the tests, the examples or the benchmark", () => {
  const wrong = imports.filter(
    ({ from, to }) => /^(lib|adapters)\//.test(from) && /^(test|examples|bench)\//.test(to),
  );
  assert.equal(wrong, []);
});

test("no imports go round in a circle", () => {
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    assert.not(trail.includes(path), `a circle: ${[...trail, path].join(" -> ")}`);
    if (done.has(path)) return;
    for (const { from, to } of imports) {
      if (from === path && sources.includes(to)) visit(to, [...trail, path]);
    }
    done.add(path);
  };
  for (const path of sources) visit(path, []);
});

test("no file has more than 300 lines, no line more than 100 columns", () => {
  const long = sources.flatMap((path) => {
    const lines = read(path).split("\n");
    // A string or a pattern cannot be broken, and the linter has broken everything else.
    const wide = lines.findIndex((line) => line.length > 100 && !/["`]|\/[a-z]*[;,)]/.test(line));
    return [
      ...(lines.length > 301 ? [`${path}: ${lines.length - 1} lines`] : []),
      ...(wide === -1 ? [] : [`${path}:${wide + 1}: ${lines[wide]?.length} columns`]),
    ];
  });
  assert.equal(long, []); // that a function has at most 70 lines is the linter's to say
});

test("one thing has one name, and these are not among them", () => {
  const files = sources.filter((path) =>
    path.split("/").some((part) => isBanned(part.replace(/\.ts$/, ""))),
  );
  const names = sources.flatMap((path) =>
    exportedNames(path)
      .filter(isBanned)
      .map((name) => `${path}: ${name}`),
  );
  assert.equal([...files, ...names], []);
});

test("the words are judged as meant", () => {
  const names = [
    "readIntoSync",
    "fsyncFolder",
    "readSync",
    "synchronous",
    "cached",
    "Chunks",
    "syncMap",
  ];
  assert.equal(names.filter(isBanned), ["Chunks", "syncMap"]);
});

test("every test file runs its suites, and all of each", () => {
  const inTest = sources.filter((path) => path.startsWith("test/"));
  const wrong = inTest.filter((path) => {
    const code = withoutComments(read(path));
    const suites = code.match(/\bsuite(?:<\w+>)?\(/g)?.length ?? 0;
    const runs = code.match(/^\s*\w+\.run\(\);$/gm)?.length ?? 0;
    // uvu would run what is ready while the file waits for something else.
    if (/\.run\(\);[\s\S]*^(?:const .* = )?await /m.test(code)) return true;
    return (
      suites !== runs ||
      /\b(skip|only)\(|\btest\.(skip|only)\b/.test(code) ||
      path.endsWith(".test.ts") !== runs > 0
    );
  });
  assert.equal(wrong, []);
});

test("every entry and command of the package has its source", () => {
  const { exports, bin } = JSON.parse(read("package.json")) as Record<"exports" | "bin", object>;
  const entries = [...Object.values(exports), ...Object.values(bin)] as string[];
  const missing = entries
    .map((entry) => entry.replace(/^\.\/dist\//, "").replace(/^\.\//, ""))
    .filter((entry) => !written.includes(entry.replace(/\.js$/, ".ts")));
  assert.equal(missing, []);
});

test("no file names the machine it was made on", () => {
  const personal = /(?:^|[\s"'`(=:])\/(?:home|Users|work|root)\/\w/m;
  const host = /https?:\/\/[\w.-]*(?:registry|artifactory|nexus|verdaccio)[\w.-]*/g;
  const wrong = written.filter((path) => {
    const text = read(path);
    const hosts = (text.match(host) ?? []).filter((url) => url !== "https://registry.npmjs.org");
    return personal.test(text) || hosts.length > 0;
  });
  assert.equal(wrong, []);
});

test.run();
