import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseTrace } from "../lib/index.ts";
import { Command, type CommandResult, runCommand } from "./cli-command.ts";
import { type CommandContext, giveContext } from "./cli-context.ts";

const SIZE = 20_000_000;
const REGION = 65536;

const test = suite<CommandContext>("headwater record");
giveContext(test, SIZE);

/** A program that reads one byte at each of these offsets, from the address that it is given. */
const READER = `
  const [url, ...offsets] = process.argv.slice(1);
  for (const at of offsets) {
    const response = await fetch(url, { headers: { range: "bytes=" + at + "-" + at } });
    process.stdout.write(new Uint8Array(await response.arrayBuffer()));
  }
  process.exit(url === process.env.HEADWATER_URL ? 7 : 8);`;

function record(
  context: CommandContext,
  options: string[],
  ...offsets: number[]
): Promise<CommandResult> {
  const { folder, url } = context;
  const program = [process.execPath, "--input-type=module", "-e", READER, "{}"];
  const words = ["record", "--no-hydration", url, "-o", "app.trace", ...options, "--"];
  return runCommand([...words, ...program, ...offsets.map(String)], { cwd: folder.path });
}

test("what a command reads is recorded, merged, and fetched first at a warm start", async (context) => {
  const { origin, folder, url } = context;
  const first = await record(context, [], 15_000_000, 5_000_000);
  assert.is(first.code, 7, first.stderr); // as the command ended
  assert.ok(first.stdout.equals(Buffer.concat([15e6, 5e6].map((at) => origin.bytes(7, at, 1)))));
  assert.match(first.stderr, /app\.trace: \S+ \S+ of \S+ \S+, 2 ranges/);
  const path = join(folder.path, "app.trace");
  const regionOf = (offset: number): [number, number] => [
    Math.floor(offset / REGION) * REGION,
    REGION,
  ];
  const { ranges, size } = parseTrace(readFileSync(path, "utf8"));
  assert.is(size, SIZE);
  assert.equal(ranges, [regionOf(15e6), regionOf(5e6)]);

  await record(context, ["--merge"], 10_000_000, 5_000_000);
  const merged = parseTrace(readFileSync(path, "utf8")).ranges;
  assert.equal(merged, [regionOf(15e6), regionOf(10e6), regionOf(5e6)]);

  await origin.reset();
  const warm = ["serve", "--http", "0", "--no-hydration", "--warm", "app.trace", url, "other"];
  const server = new Command(warm, { cwd: folder.path });
  await server.until(/^http/m);
  const wanted = merged.map(([offset]) => offset);
  const brought = async (): Promise<boolean> => {
    const asked = await origin.requests("/blob");
    return wanted.every((at) =>
      asked.some(({ headers }) => headers.range?.startsWith(`bytes=${at}-`)),
    );
  };
  while (!(await brought())) await new Promise((done) => setTimeout(done, 20));
  server.kill("SIGTERM");
  await server.result;
  assert.ok((await origin.counts("/blob")).bytes < 700_000);
});

test("what cannot be run, and what is no trace, is told before anything is fetched", async (context) => {
  const { folder, url } = context;
  const run = (...words: string[]): Promise<CommandResult> =>
    runCommand(words, { cwd: folder.path });
  const missing = await run("record", url, "a", "-o", "t", "--", "./no-such-program");
  assert.is(missing.code, 2);
  assert.match(missing.stderr, "cannot be run");
  assert.is((await run("record", url, "-o", "t")).code, 2);
  assert.is((await run("record", url, "--", "true")).code, 2);
  writeFileSync(join(folder.path, "none"), "{}");
  const wrong = await run(url, "b", "--warm", "none");
  assert.is(wrong.code, 2);
  assert.match(wrong.stderr, "no trace of reads");
});

test("a command that a signal ends is told as a shell does", async ({ folder, url }) => {
  const program = [process.execPath, "-e", "process.kill(process.pid, 'SIGKILL')"];
  const words = ["record", url, "a", "-o", "t", "--", ...program];
  assert.is((await runCommand(words, { cwd: folder.path })).code, 137);
});

test.run();
