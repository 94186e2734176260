import { readFileSync } from "node:fs";
import { link, stat, truncate, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { fingerprintOf } from "../adapters/file/fingerprint.ts";
import { LocalCopy } from "../adapters/file/index.ts";
import { encodeMap } from "../lib/map-format.ts";
import {
  BITMAP_OF_ALL,
  CONTENT,
  codeOf,
  contentsOf,
  inFolder,
  SIZE,
  SLOT_SIZE,
  UNFINISHED,
  writeMap,
} from "./local-copy-files.ts";

const test = suite("what is found at open");

const CONSENTS = [
  {},
  { overwrite: true },
  { discardLocal: true },
  { overwrite: true, discardLocal: true },
];

/** The rows of the table, as lists of their cells. */
const table = readFileSync(fileURLToPath(new URL("../../docs/files.md", import.meta.url)), "utf8")
  .split("\n")
  .filter((line) => /^\| (unusable|unfinished|finished) \|/.test(line))
  .map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

/** The ways to make what a cell of the first column says. */
const MAPS: Readonly<Record<string, Readonly<Record<string, (path: string) => Promise<void>>>>> = {
  unusable: {
    missing: async () => {},
    blank: (path) => writeFile(`${path}.headwater`, new Uint8Array(2 * SLOT_SIZE)),
    "half made": (path) => writeFile(`${path}.headwater`, new Uint8Array(1000)),
    foreign: (path) => writeFile(`${path}.headwater`, new Uint8Array(2 * SLOT_SIZE).fill(7)),
    torn: async (path) => {
      await writeMap(path, UNFINISHED);
      const torn = readFileSync(`${path}.headwater`);
      torn[70] = (torn[70] ?? 0) ^ 1;
      await writeFile(`${path}.headwater`, torn);
    },
    truncated: async (path) => {
      await writeMap(path, UNFINISHED);
      await truncate(`${path}.headwater`, 2 * SLOT_SIZE - 1);
    },
    newer: async (path) => writeFile(`${path}.headwater`, await newerMap()),
  },
  unfinished: {
    unwritten: (path) => writeMap(path, UNFINISHED),
    written: (path) => writeMap(path, { ...UNFINISHED, written: true }),
    "with a torn slot": async (path) => {
      await writeMap(path, UNFINISHED);
      const slots = readFileSync(`${path}.headwater`);
      slots.fill(9, SLOT_SIZE, SLOT_SIZE + 100);
      await writeFile(`${path}.headwater`, slots);
    },
  },
  finished: {
    unwritten: (path) => record(path, false),
    written: (path) => record(path, true),
  },
};

async function newerMap(): Promise<Uint8Array> {
  const slots = new Uint8Array(2 * SLOT_SIZE);
  const bytes = await encodeMap(UNFINISHED);
  bytes[8] = 2;
  const body = bytes.subarray(0, bytes.length - 32);
  bytes.set(new Uint8Array(await crypto.subtle.digest("SHA-256", body)), body.length);
  slots.set(bytes);
  return slots;
}

/** A finished map of the file that was made first. */
async function record(path: string, written: boolean): Promise<void> {
  const state = await stat(`${path}.recorded`, { bigint: true });
  const fingerprint = fingerprintOf(state);
  const hydrated = BITMAP_OF_ALL;
  await writeMap(path, { ...UNFINISHED, written, complete: true, fingerprint, hydrated });
}

/** Makes what a row says. What the map records is kept under another name, so that it exists. */
async function make(path: string, row: readonly string[], map: string): Promise<void> {
  const [kind = "", partial, file] = row;
  await writeFile(`${path}.recorded`, CONTENT);
  for (const [name, what] of [
    [`${path}.partial`, partial],
    [path, file],
  ] as const) {
    if (what === "its own" && kind === "finished") await link(`${path}.recorded`, name);
    else if (what === "its own") await writeFile(name, CONTENT);
    else if (what === "other") await writeFile(name, `other ${name}`);
    else if (what === "empty") {
      await writeFile(name, "");
      await truncate(name, SIZE + 5);
    }
  }
  await MAPS[kind]?.[map]?.(path);
}

/** What the folder holds after the copy was opened. */
function expectedContents(
  before: Record<string, string>,
  row: readonly string[],
  outcome: string,
): Record<string, string> {
  if (outcome !== "finished" || row[1] !== "its own") return before;
  const { ".partial": whole = "", ...rest } = before;
  return { ...rest, "": whole };
}

test("the table has every combination once", () => {
  const partials = ["missing", "empty", "other"];
  const expected = [
    ...partials.flatMap((partial) =>
      ["missing", "other"].map((file) => ["unusable", partial, file]),
    ),
    ...[...partials, "its own"].flatMap((partial) => [
      ...["missing", "other"].map((file) => ["unfinished", partial, file]),
      ...["missing", "other", "its own"].map((file) => ["finished", partial, file]),
    ]),
  ];
  const names = (rows: readonly (readonly string[])[]): string[] =>
    rows.map((row) => row.slice(0, 3).join(", ")).sort();
  assert.equal(names(table), names(expected));
});

for (const row of table) {
  const [kind = "", partial, file] = row;
  for (const map of Object.keys(MAPS[kind] ?? {})) {
    test(`${kind} map (${map}), partial file ${partial}, file ${file}`, async () => {
      for (const [index, consent] of CONSENTS.entries()) {
        await inFolder(async (path) => {
          await make(path, row, map);
          const before = await contentsOf(path);
          const outcome = row[3 + index] ?? "";
          const label = `with ${JSON.stringify(consent)}`;
          if (/^[A-Z]/.test(outcome)) {
            assert.is(await codeOf(LocalCopy.open(path, consent)), outcome, label);
            assert.equal(await contentsOf(path), before, `${label}: a refusal changes nothing`);
            return;
          }
          const copy = await LocalCopy.open(path, consent);
          assert.is(copy.state, outcome, label);
          const { ".headwater.lock": lock, ...after } = await contentsOf(path);
          assert.ok(lock, "it is locked");
          assert.equal(after, expectedContents(before, row, outcome), label);
          await checkOpened(copy, path, after[""]);
        });
      }
    });
  }
}

async function checkOpened(copy: LocalCopy, path: string, file?: string): Promise<void> {
  if (copy.state === "new") {
    assert.is(copy.known, undefined);
    await copy.create({ size: SIZE, regionSize: 65536 });
    const after = await contentsOf(path);
    assert.is(after[".partial"], "\0".repeat(SIZE), "nothing of what was there is left");
    assert.is(after[".headwater"], "\0".repeat(2 * SLOT_SIZE), "nor of its map");
    assert.is(after[""], file, "the file stays until another is whole");
  } else {
    assert.equal(copy.known, { size: SIZE, identity: "source one" });
    const bytes = new Uint8Array(SIZE);
    await copy.destination.readInto(0, bytes);
    assert.equal(bytes, CONTENT);
  }
  await copy.close();
  assert.not((await contentsOf(path))[".headwater.lock"], "the lock is released");
}

test.run();
