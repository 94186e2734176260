import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type CommandResult, runCommand } from "./cli-command.ts";
import { type CommandContext, giveContext } from "./cli-context.ts";

const SIZE = 1_000_000;

const test = suite<CommandContext>("info, map, verify and help");
giveContext(test, SIZE, "&token=SECRET");

function run({ folder }: CommandContext, ...args: string[]): Promise<CommandResult> {
  return runCommand(args, { cwd: folder.path });
}

async function whole(context: CommandContext, file = "copy"): Promise<void> {
  const { code, stderr } = await run(context, context.url, file, "--quiet");
  assert.is(code, 0, stderr);
}

test("info tells size and version, in one request and without secrets", async (context) => {
  const url = context.url.replace("//", "//user:SECRET@");
  const { code, stdout, stderr } = await run(context, "info", url);
  assert.is(code, 0, stderr);
  assert.match(stdout.toString(), "1,000,000 bytes");
  assert.match(stdout.toString(), /version +named by the server/);
  assert.not.match(stdout.toString() + stderr, "SECRET");
  assert.is((await context.origin.counts()).requests, 1);
});

test("info says where the version is a date only", async (context) => {
  await context.origin.set("/blob", { etag: null });
  const [info] = (await run(context, "info", context.url, "--json")).json();
  assert.equal([info?.size, info?.strongIdentity, info?.ranges], [SIZE, false, true]);
});

test("info says that a server cannot send parts, with 1", async (context) => {
  await context.origin.set("/blob", { ignoreRange: true });
  const { code, stdout } = await run(context, "info", context.url);
  assert.is(code, 1);
  assert.match(stdout.toString(), /in parts +no\n/);
  assert.match(stdout.toString(), /hydration +impossible: /);
});

test("a server that cannot send parts is taken in one pass, if asked for", async (context) => {
  await context.origin.set("/blob", { ignoreRange: true });
  const refused = await run(context, context.url, "copy");
  assert.is(refused.code, 1);
  assert.match(refused.stderr, /RANGE_UNSUPPORTED: [^\n]*--whole-pass/);
  const { code, stderr } = await run(context, context.url, "copy", "--whole-pass");
  assert.is(code, 0, stderr);
});

test("map shows what is here of a copy that is not whole", async (context) => {
  await run(context, context.url, "copy", "--read", "0:131072", "--no-hydration");
  const { code, stdout, stderr } = await run(context, "map", "copy");
  assert.is(code, 0, stderr);
  assert.match(stdout.toString(), /here +13\.1 %, 128\.0 KiB\n/);
  assert.match(stdout.toString(), "1 gap: bytes 131072-999999\n");
  assert.match(stdout.toString(), /\n▕█{10}▁·+▏\n$/);
  const [state] = (await run(context, "map", "copy", "--json")).json();
  assert.equal([state?.hydratedBytes, state?.complete], [131_072, false]);
  assert.equal(state?.missing, [{ offset: 131_072, length: SIZE - 131_072 }]);
});

test("map shows a finished copy", async (context) => {
  await whole(context);
  const { stdout } = await run(context, "map", "copy");
  assert.match(stdout.toString(), /missing +nothing\n▕█+▏\n$/);
});

test("map of what is no copy ends with 1", async (context) => {
  writeFileSync(join(context.folder.path, "other"), "mine");
  const { code, stderr } = await run(context, "map", "other");
  assert.is(code, 1);
  assert.match(stderr, /^headwater: there is no other\.headwater [^\n]*\n$/);
});

test("a map that cannot be believed ends with 5", async (context) => {
  writeFileSync(join(context.folder.path, "other.headwater"), "x".repeat(16_384));
  const { code, stderr } = await run(context, "map", "other");
  assert.is(code, 5, stderr);
  assert.match(stderr, "MAP_CORRUPT");
});

test("verify finds a whole copy the same as its source", async (context) => {
  await whole(context);
  const { code, stdout, stderr } = await run(context, "verify", context.url, "copy");
  assert.is(code, 0, stderr);
  assert.match(stdout.toString(), "1,000,000 bytes compared");
});

test("verify names the bytes that differ, with 1", async (context) => {
  await whole(context);
  const file = openSync(join(context.folder.path, "copy"), "r+");
  const other = context.origin.bytes(7, 500_000, 3).map((byte) => byte ^ 1);
  writeSync(file, other, 0, 3, 500_000);
  writeSync(
    file,
    Uint8Array.of((context.origin.bytes(7, 999_999, 1)[0] ?? 0) ^ 255),
    0,
    1,
    999_999,
  );
  closeSync(file);
  const { code, stdout } = await run(context, "verify", context.url, "copy");
  assert.is(code, 1);
  assert.match(stdout.toString(), "differs in 4 bytes, at 500000-500002, 999999-999999\n");
  const [verdict] = (await run(context, "verify", context.url, "copy", "--json")).json();
  assert.equal([verdict?.same, verdict?.byteCount], [false, 4]);
});

test("verify says which size differs, with 1", async (context) => {
  writeFileSync(join(context.folder.path, "short"), context.origin.bytes(7, 0, 1000));
  const { code, stdout } = await run(context, "verify", context.url, "short");
  assert.is(code, 1);
  assert.match(stdout.toString(), "its source 1,000,000");
});

test("verify does not compare with another version of the source", async (context) => {
  await whole(context);
  await context.origin.set("/blob", { version: 1 });
  const { code, stderr } = await run(context, "verify", context.url, "copy");
  assert.is(code, 4);
  assert.match(stderr, /^headwater: SOURCE_CHANGED: [^\n]*\n$/);
});

test("verify wants a whole file", async (context) => {
  await run(context, context.url, "copy", "--read", "0:1", "--no-hydration");
  const { code, stderr } = await run(context, "verify", context.url, "copy");
  assert.is(code, 1);
  assert.match(stderr, "copy is not whole yet");
});

test("each help and the version are on stdout", async (context) => {
  for (const args of [["--help"], ["info", "-h"], ["map", "--help"], ["verify", "--help"]]) {
    const { code, stdout, stderr } = await run(context, ...args);
    assert.equal([code, stderr], [0, ""], args.join(" "));
    const wide = stdout
      .toString()
      .split("\n")
      .filter((line) => line.length > 100);
    assert.equal(wide, []);
    assert.match(stdout.toString(), "Options:");
  }
  assert.match((await run(context, "--version")).stdout.toString(), /^\d+\.\d+\.\d+\n$/);
});

test("the documentation names every option and every exit code", async (context) => {
  const documented = readFileSync(new URL("../../docs/command-line.md", import.meta.url), "utf8");
  const help = (await run(context, "--help")).stdout.toString();
  const options = help.match(/--[a-z][a-z-]+/g) ?? [];
  const codes = help.match(/^ {2}\d[\d, ]*(?= {5})/gm) ?? [];
  assert.ok(options.length > 20 && codes.length > 6, `${options.length}, ${codes.length}`);
  const missing = [...options, ...codes.map((code) => `| ${code.trim()} |`)].filter(
    (name) => name !== "--version" && !documented.includes(name),
  );
  assert.equal(missing, []);
});

const MISTAKES: readonly (readonly [args: string, complaint: string])[] = [
  ["", "there is no URL"],
  ["verify http://x/y", "the file is missing"],
  ["map a b", '"b" is one argument too many'],
  ["ftp://x/y", "ftp:"],
  ["http://x/y --proxy nowhere", "proxy"],
  ["http://x/y --read 0:1 --json", "choose one"],
];

test("what cannot be understood ends with 2 and one line", async (context) => {
  for (const [args, complaint] of MISTAKES) {
    const words = args.split(" ").filter((word) => word !== "");
    const { code, stdout, stderr } = await run(context, ...words);
    assert.is(code, 2, args);
    assert.is(stdout.length > 0, words.includes("--json"));
    assert.match(stderr, /^headwater: [^\n]*\n$/);
    assert.match(stderr, complaint);
  }
});

test("no control character of an argument reaches the terminal", async (context) => {
  const { stderr } = await run(context, "map", "\x1b[31mred\u202e\n");
  assert.match(stderr, "\\u{1b}[31mred\\u{202e}\\u{a}");
  assert.not.match(stderr.trimEnd(), /\p{Cc}|\u202e/u);
});

test.run();
