import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type CommandResult, runCommand } from "./cli-command.ts";
import { type CommandContext, giveContext } from "./cli-context.ts";

const SIZE = 1_000_000;

const test = suite<CommandContext>("digest and verify by a manifest");
giveContext(test, SIZE, "&token=SECRET");

test.before.each((context) => {
  writeFileSync(join(context.folder.path, "copy"), context.origin.bytes(7, 0, SIZE));
});

function run({ folder }: CommandContext, ...args: string[]): Promise<CommandResult> {
  return runCommand(args, { cwd: folder.path });
}

const read = ({ folder }: CommandContext, name: string): Buffer =>
  readFileSync(join(folder.path, name));

test("a file and its URL have the same root", async (context) => {
  const { code, stdout, stderr } = await run(context, "digest", "copy");
  assert.is(code, 0, stderr);
  const [, root = ""] = /root (\w{64})\n/.exec(stdout.toString()) ?? [];
  assert.match(stdout.toString(), "copy.manifest: 976.6 KiB in 16 blocks of 64.0 KiB\n");
  const [made] = (await run(context, "digest", context.url, "-o", "of-url", "--json")).json();
  assert.equal(made, { manifest: "of-url", root, size: SIZE, blockSize: 65_536, blockCount: 16 });
  assert.match(read(context, "of-url").toString("latin1"), "/blob etag=");
  assert.not.match(read(context, "of-url").toString("latin1"), "SECRET");
});

test("a file that is there is not replaced unless it may be", async (context) => {
  writeFileSync(join(context.folder.path, "copy.manifest"), "mine");
  const { code, stderr } = await run(context, "digest", "copy");
  assert.is(code, 5);
  assert.match(stderr, "--overwrite");
  assert.is(read(context, "copy.manifest").toString(), "mine");
  assert.is((await run(context, "digest", "copy", "--overwrite")).code, 0);
});

test("a block size that cannot be is a mistake of the command line", async (context) => {
  const { code, stderr } = await run(context, "digest", "copy", "--block-size", "5000");
  assert.is(code, 2);
  assert.match(stderr, "power of two");
});

test("verify by a manifest names the blocks that differ, with 1", async (context) => {
  await run(context, "digest", context.url, "-o", "m", "--block-size", "4KiB");
  const same = await run(context, "verify", "copy", "--manifest", "m");
  assert.is(same.code, 0, same.stderr);
  assert.match(same.stdout.toString(), "copy is as its manifest says: 1,000,000 bytes verified\n");
  const file = openSync(join(context.folder.path, "copy"), "r+");
  const other = context.origin.bytes(7, 8191, 2).map((byte) => byte ^ 1);
  writeSync(file, other, 0, 2, 8191);
  closeSync(file);
  const { code, stdout } = await run(context, "verify", "copy", "--manifest", "m");
  assert.is(code, 1);
  assert.match(stdout.toString(), "differs in blocks of 8,192 bytes, at 4096-12287\n");
  const [verdict] = (await run(context, "verify", "copy", "--manifest", "m", "--json")).json();
  assert.equal([verdict?.same, verdict?.against], [false, "manifest"]);
});

test("verify says which size differs from the manifest's, and what is no manifest", async (context) => {
  await run(context, "digest", context.url, "-o", "m");
  writeFileSync(join(context.folder.path, "short"), context.origin.bytes(7, 0, 1000));
  const short = await run(context, "verify", "short", "--manifest", "m");
  assert.is(short.code, 1);
  assert.match(short.stdout.toString(), "its manifest 1,000,000");
  const { code, stderr } = await run(context, "verify", "copy", "--manifest", "copy");
  assert.is(code, 1);
  assert.match(stderr, "CORRUPT: the manifest cannot be believed");
});

test("a copy is verified by its manifest while it is made", async (context) => {
  await run(context, "digest", "copy", "-o", "m");
  const { code, stderr } = await run(context, context.url, "new", "--manifest", "m");
  assert.is(code, 0, stderr);
  assert.ok(read(context, "new").equals(read(context, "copy")));
  // The finished copy is brought to another version.
  const bytes = Buffer.from(read(context, "copy"));
  await context.origin.set("/blob", { version: 1 });
  const next = await run(context, "digest", context.url, "-o", "m1");
  assert.is(next.code, 0, next.stderr);
  const known = ["--manifest", "m1", "--former-manifest", "m"];
  const advanced = await run(context, context.url, "new", ...known);
  assert.is(advanced.code, 0, advanced.stderr);
  assert.not(read(context, "new").equals(bytes));
  assert.is((await run(context, "verify", "new", "--manifest", "m1")).code, 0);
  await context.origin.set("/blob", { version: 1, etag: null, lastModified: null });
  const wrong = await run(context, context.url, "other", "--manifest", "m", "--stall-after", "1");
  assert.is(wrong.code, 3, wrong.stderr);
  assert.match(wrong.stderr, /STALLED: [^\n]* not as the manifest says/);
});

test.run();
