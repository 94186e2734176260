import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type CommandResult, makeFolder, runCommand } from "./cli-command.ts";
import { fixtureFiles } from "./ltx-files.ts";
import { findProgram } from "./programs.ts";

const test = suite("headwater ltx");

/** A folder with fixtures in it, to run in. */
function folderWith(...replicas: readonly string[]): ReturnType<typeof makeFolder> {
  const folder = makeFolder();
  for (const { path, bytes } of replicas.flatMap(fixtureFiles)) {
    mkdirSync(dirname(join(folder.path, path)), { recursive: true });
    writeFileSync(join(folder.path, path), bytes);
  }
  return folder;
}

const ltx = (cwd: string, ...args: readonly string[]): Promise<CommandResult> =>
  runCommand(["ltx", ...args], { cwd });

test("restores any state, and brings what was restored to another one", async () => {
  const sqlite = findProgram("sqlite3");
  if (sqlite === undefined) return;
  const folder = folderWith("small");
  const { path } = folder;
  try {
    const steps: [args: string[], rows: number][] = [
      [["--at", "3"], 200],
      [["--at", "0000000000000007"], 105],
      [[], 155],
      [["--at", "2026-11-22T21:21:52.000Z"], 100],
    ];
    for (const [args, rows] of steps) {
      const { code, stderr } = await ltx(path, "restore", "small", "app.db", ...args);
      assert.is(code, 0, stderr);
      const query = [join(path, "app.db"), "select count(*) from t"];
      assert.is(Number(spawnSync(sqlite, query).stdout), rows);
    }
  } finally {
    folder.remove();
  }
});

test("tells which states a replica has, and from what", async () => {
  const folder = folderWith("small-levels", "small-gap");
  try {
    const { code, stdout } = await ltx(folder.path, "info", "small-levels");
    assert.is(code, 0);
    assert.match(stdout.toString(), "snapshots  1 file, 32.7 KiB, TXIDs 1 to 3");
    assert.match(stdout.toString(), "4, from TXID 3 to 8");
    assert.match(stdout.toString(), "TXID 8, 2026-11-22T21:21:53.271Z: 220.0 KiB");
    const gap = await ltx(folder.path, "info", "small-gap", "--json");
    assert.is(gap.code, 1);
    const [info] = gap.json();
    assert.is(info?.newestTxid, "8");
    assert.match(String(info?.problem), "pages 25 to 43 are in no file");
  } finally {
    folder.remove();
  }
});

test("verifies a replica or a file, and names what is damaged", async () => {
  const folder = folderWith("small");
  try {
    const sound = await ltx(folder.path, "verify", "small");
    assert.is(sound.code, 0);
    assert.match(sound.stdout.toString(), "is sound: 8 files, 89.9 KiB");
    const file = "small/ltx/0/0000000000000006-0000000000000006.ltx";
    const bytes = readFileSync(join(folder.path, file));
    bytes[5000] = (bytes[5000] ?? 0) ^ 4;
    writeFileSync(join(folder.path, file), bytes);
    const damaged = await ltx(folder.path, "verify", "small");
    assert.is(damaged.code, 1);
    assert.match(damaged.stdout.toString(), "ltx/0/0000000000000006-0000000000000006.ltx: ");
    const alone = await ltx(folder.path, "verify", file, "--json");
    assert.is(alone.code, 1);
    const [verdict] = alone.json();
    assert.is(Object.keys(verdict?.problems ?? {}).length, 1);
    const restored = await ltx(folder.path, "restore", "small", "app.db", "--stall-after", "2");
    assert.is.not(restored.code, 0);
    assert.match(restored.stderr, "0000000000000006-0000000000000006.ltx");
    assert.not(existsSync(join(folder.path, "app.db")));
  } finally {
    folder.remove();
  }
});

test("compacts files in whatever order they are named, and keeps what is there", async () => {
  const folder = folderWith("small");
  const { path } = folder;
  try {
    const files = fixtureFiles("small").map(({ path: file }) => file);
    const made = await ltx(path, "compact", ...files.toReversed(), "-o", "all.ltx");
    assert.is(made.code, 0, made.stderr);
    assert.match(made.stdout.toString(), "TXIDs 1 to 8 of a database of 55 pages");
    assert.is((await ltx(path, "verify", "all.ltx")).code, 0);
    assert.is((await ltx(path, "compact", ...files, "-o", "all.ltx")).code, 5);
    mkdirSync(join(path, "one/ltx/9"), { recursive: true });
    const name = "0000000000000001-0000000000000008.ltx";
    copyFileSync(join(path, "all.ltx"), join(path, "one/ltx/9", name));
    for (const replica of ["small", "one"]) {
      assert.is((await ltx(path, "restore", replica, `${replica}.db`)).code, 0);
    }
    const [small, one] = ["small.db", "one.db"].map((file) => readFileSync(join(path, file)));
    assert.equal(one, small);
    const gap = await ltx(path, "compact", files[0] ?? "", files[2] ?? "", "-o", "gap.ltx");
    assert.is(gap.code, 1);
    assert.not(existsSync(join(path, "gap.ltx")));
  } finally {
    folder.remove();
  }
});

test("what cannot be understood says what to write", async () => {
  const folder = folderWith("small");
  try {
    const wrong: [args: string[], message: string][] = [
      [[], "the ltx command is missing"],
      [["resore", "small"], 'no ltx command "resore"'],
      [["restore"], "the replica is missing"],
      [["restore", "small", "--at", "noon"], '--at is "noon"'],
      [["restore", "small", "--layout", "s4"], '--layout is "s4"'],
      [["restore", "ftp://host/x"], "no store for ftp: URLs"],
      [["compact", "x.ltx"], "-o FILE"],
    ];
    for (const [args, message] of wrong) {
      const { code, stderr } = await ltx(folder.path, ...args);
      assert.is(code, 2, args.join(" "));
      assert.match(stderr, message);
    }
    const nothing = await ltx(folder.path, "restore", "small", "x.db", "--at", "99");
    assert.is(nothing.code, 1);
    assert.match(nothing.stderr, "TXID 99 is not available");
  } finally {
    folder.remove();
  }
});

test.run();
