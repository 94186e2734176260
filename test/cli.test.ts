import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Command, type CommandResult, runCommand } from "./cli-command.ts";
import { type CommandContext, giveContext } from "./cli-context.ts";
import { Authority } from "./origin/certificates.ts";
import { startOrigin } from "./origin/client.ts";

const SIZE = 1_500_000;

const test = suite<CommandContext>("command");
giveContext(test, SIZE);

/** Runs it in the test's folder. */
function run({ folder }: CommandContext, ...args: string[]): Promise<CommandResult> {
  return runCommand(args, { cwd: folder.path });
}

function urlOf({ origin }: CommandContext, path: string, size = SIZE): string {
  return origin.url(`/${path}?size=${size}&seed=7&token=SECRET`);
}

function isWhole({ origin, folder }: CommandContext, file: string, size = SIZE): boolean {
  return readFileSync(join(folder.path, file)).equals(origin.bytes(7, 0, size));
}

test("a URL becomes a file of its name, each byte fetched once", async (context) => {
  const { code, stderr, stdout } = await run(context, urlOf(context, "big%20blob.bin"));
  assert.is(code, 0, stderr);
  assert.ok(isWhole(context, "big blob.bin"));
  assert.is((await context.origin.counts()).bytes, SIZE);
  assert.match(stderr, "big blob.bin is whole: 1.4 MiB fetched in");
  assert.is(stdout.length, 0);
});

test("what is whole is not asked for again", async (context) => {
  await run(context, urlOf(context, "blob"), "copy");
  await context.origin.reset();
  const { code, stderr } = await run(context, urlOf(context, "blob"), "copy");
  assert.is(code, 0, stderr);
  assert.is((await context.origin.counts()).requests, 0);
  assert.match(stderr, "nothing was left to fetch");
});

test("--quiet says nothing", async (context) => {
  const { code, stderr, stdout } = await run(context, urlOf(context, "blob"), "--quiet");
  assert.equal([code, stderr, stdout.length], [0, "", 0]);
});

test("--json is a line for each event, from opened to hydrated", async (context) => {
  const result = await run(context, urlOf(context, "blob"), "copy", "--json");
  const events = result.json();
  assert.is(result.code, 0);
  assert.is(result.stderr, "");
  assert.equal([events[0]?.event, events.at(-1)?.event], ["opened", "hydrated"]);
  assert.equal([events[0]?.file, events[0]?.size], ["copy", SIZE]);
  const progress = events.filter(({ event }) => event === "progress");
  assert.is(progress.at(-1)?.percent, 100);
  const { stats } = events.at(-1) as { stats: { bytesFetched: number; amplification: number } };
  assert.equal([stats.bytesFetched, stats.amplification], [SIZE, 1]);
});

test("--read writes bytes to stdout, while the rest is fetched", async (context) => {
  const result = await run(context, urlOf(context, "blob"), "copy", "--read", "1MB:100KiB");
  assert.is(result.code, 0, result.stderr);
  assert.ok(result.stdout.equals(context.origin.bytes(7, 1_000_000, 102_400)));
  assert.ok(isWhole(context, "copy"));
});

test("--no-hydration fetches only what is read, and the next run the rest", async (context) => {
  const url = urlOf(context, "blob");
  const first = await run(context, url, "copy", "--read=-8:8", "--no-hydration");
  assert.is(first.code, 0, first.stderr);
  assert.ok(first.stdout.equals(context.origin.bytes(7, SIZE - 8, 8)));
  assert.not(existsSync(join(context.folder.path, "copy")));
  assert.ok((await context.origin.counts()).bytes < SIZE / 2);
  const second = await run(context, url, "copy");
  assert.is(second.code, 0, second.stderr);
  assert.ok(isWhole(context, "copy"));
  assert.is((await context.origin.counts()).bytes, SIZE);
});

test("an empty blob becomes an empty file", async (context) => {
  const { code, stderr } = await run(context, urlOf(context, "none", 0));
  assert.is(code, 0, stderr);
  assert.ok(isWhole(context, "none", 0));
});

test("headers are sent, and never told", async (context) => {
  const args = ["--header", "Authorization: Bearer SECRET", "-H", "X-One: 1"];
  const { code, stderr } = await run(context, urlOf(context, "blob"), ...args);
  assert.is(code, 0, stderr);
  const [request] = await context.origin.requests("/blob");
  assert.equal([request?.headers.authorization, request?.headers["x-one"]], ["Bearer SECRET", "1"]);
  assert.not.match(stderr, "SECRET");
});

test("--ca, --cert and --key are files, and serve for TLS", async ({ folder }) => {
  const authority = new Authority("authority of the test");
  const { ca } = authority;
  const tls = { ...authority.issue("server"), ca, requestCert: true, rejectUnauthorized: false };
  await using origin = await startOrigin({ tls });
  const files = { ca, ...authority.issue("client") };
  const args = Object.entries(files).flatMap(([name, pem]) => {
    writeFileSync(join(folder.path, `${name}.pem`), pem);
    return [`--${name}`, `${name}.pem`];
  });
  const url = origin.url("/blob");
  const { code, stderr } = await runCommand([url, ...args], { cwd: folder.path });
  assert.is(code, 0, stderr);
  assert.is((await origin.requests("/blob"))[0]?.client, "client");
});

test("what is not there ends with 1 and one line without the query", async (context) => {
  await context.origin.set("/gone", { status: 404 });
  const { code, stderr } = await run(context, urlOf(context, "gone"));
  assert.is(code, 1);
  assert.match(stderr, /^headwater: SOURCE_NOT_FOUND: [^\n]*\/gone answered 404[^\n]*\n$/);
  assert.not.match(stderr, "SECRET");
});

test("a failure is told to a program too", async (context) => {
  await context.origin.set("/gone", { status: 404 });
  const result = await run(context, urlOf(context, "gone"), "--json");
  const [event] = result.json();
  assert.equal([event?.event, event?.code, event?.exitCode], ["error", "SOURCE_NOT_FOUND", 1]);
});

test("a foreign file is left alone with 5, and replaced with --overwrite", async (context) => {
  const path = join(context.folder.path, "copy");
  writeFileSync(path, "mine");
  const refused = await run(context, urlOf(context, "blob"), "copy");
  assert.is(refused.code, 5);
  assert.match(refused.stderr, /^headwater: EXISTS: [^\n]*add --overwrite[^\n]*\n$/);
  assert.is(readFileSync(path, "utf8"), "mine");
  const replaced = await run(context, urlOf(context, "blob"), "copy", "--overwrite");
  assert.is(replaced.code, 0, replaced.stderr);
  assert.ok(isWhole(context, "copy"));
});

test("a copy that another process owns is refused with 5", async (context) => {
  await context.origin.set("/blob", { bytesPerSecond: 100_000 });
  const owner = new Command([urlOf(context, "blob"), "copy", "--json"], {
    cwd: context.folder.path,
  });
  try {
    await owner.until(/opened/);
    const { code, stderr } = await run(context, urlOf(context, "blob"), "copy");
    assert.is(code, 5);
    assert.match(stderr, /^headwater: LOCKED: [^\n]*\n$/);
    const seen = await run(context, "map", "copy", "--json");
    assert.is(seen.code, 0, seen.stderr);
    assert.is(seen.json()[0]?.complete, false);
  } finally {
    owner.kill("SIGKILL");
    await owner.result;
  }
});

test("a limit that is reached ends with 8, and the next run goes on", async (context) => {
  const url = urlOf(context, "blob");
  const spent = await run(context, url, "copy", "--max-bytes", "200000", "--json");
  assert.is(spent.code, 8, spent.stderr);
  assert.is(spent.json().at(-1)?.code, "BUDGET_SPENT");
  assert.match(spent.stderr, /^headwater: BUDGET_SPENT: of 200000 bytes at most, 196608 bytes/m);
  const resumed = await run(context, url, "copy");
  assert.is(resumed.code, 0, resumed.stderr);
  assert.ok(isWhole(context, "copy"));
});

test("a source that fails for good stalls with 3, and the next run ends it", async (context) => {
  await context.origin.set("/blob", { status: 503, skip: 1 });
  const url = urlOf(context, "blob");
  const stalled = await run(context, url, "copy", "--stall-after", "2", "--json");
  assert.is(stalled.code, 3, stalled.stderr);
  const event = stalled.json().at(-1);
  assert.is(event?.code, "STALLED");
  assert.equal(event?.missing, [{ offset: 131_072, length: SIZE - 131_072 }]);
  assert.match(stalled.stderr, `missing: bytes 131072-${SIZE - 1}\n`);
  await context.origin.set("/blob");
  const resumed = await run(context, url, "copy");
  assert.is(resumed.code, 0, resumed.stderr);
  assert.ok(isWhole(context, "copy"));
});

test("a changed source ends with 4, and --revalidate starts over", async (context) => {
  const url = urlOf(context, "blob");
  await run(context, url, "copy", "--read", "0:1", "--no-hydration");
  await context.origin.set("/blob", { version: 1 });
  const { code, stderr } = await run(context, url, "copy");
  assert.is(code, 4);
  assert.match(stderr, "--revalidate");
  const again = await run(context, url, "copy", "--revalidate");
  assert.is(again.code, 0, again.stderr);
  const bytes = readFileSync(join(context.folder.path, "copy"));
  assert.ok(bytes.equals(context.origin.bytes(7, 0, SIZE, 1)));
  assert.match(again.stderr, "starting over");
});

test("a blob for which there is no room ends with 6", async (context) => {
  const { code, stderr } = await run(context, urlOf(context, "blob", 1e13));
  assert.is(code, 6);
  assert.match(stderr, /^headwater: DESTINATION_FULL: [^\n]*\n$/);
});

test.run();
