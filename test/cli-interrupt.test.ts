import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Command, runCommand } from "./cli-command.ts";
import { type CommandContext, giveContext } from "./cli-context.ts";

const SIZE = 4_000_000;

const test = suite<CommandContext>("an interrupted command");
giveContext(test, SIZE);

/** Starts it on a slow link; resolves when some of the blob is here that no map knows of yet. */
async function startSlowly({ origin, folder, url }: CommandContext): Promise<Command> {
  await origin.set("/blob", { bytesPerSecond: 100_000 });
  const command = new Command([url, "copy", "--json"], { cwd: folder.path });
  await command.until(/"percent":[1-9]/);
  // The map is saved about when progress is told, and then once a second.
  const { bytes } = await origin.counts();
  while ((await origin.counts()).bytes < bytes + 350_000) await new Promise(setImmediate);
  return command;
}

/** Runs it again on a fast link to its end, and resolves with what was here already. */
async function resume({ origin, folder, url }: CommandContext): Promise<number> {
  await origin.set("/blob");
  const result = await runCommand([url, "copy", "--json"], { cwd: folder.path });
  assert.is(result.code, 0, result.stderr);
  const [opened] = result.json();
  const copy = readFileSync(join(folder.path, "copy"));
  assert.ok(copy.equals(origin.bytes(7, 0, SIZE)), "the copy has other bytes");
  return opened?.hydratedBytes as number;
}

const SIGNALS = [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const;

for (const [signal, exitCode] of SIGNALS) {
  test(`${signal} ends it with ${exitCode}, and nothing that was here is lost`, async (context) => {
    const command = await startSlowly(context);
    command.kill(signal);
    const result = await command.result;
    assert.equal([result.code, result.signal], [exitCode, null], result.stderr);
    const last = result.json().at(-1) as { event: string; at: { hydratedBytes: number } };
    assert.is(last.event, "interrupted");
    assert.ok(last.at.hydratedBytes > 0);
    assert.is(await resume(context), last.at.hydratedBytes);
  });
}

test("after kill -9 it goes on from what was saved", async (context) => {
  const command = await startSlowly(context);
  command.kill("SIGKILL");
  assert.is((await command.result).signal, "SIGKILL");
  assert.ok((await resume(context)) < SIZE);
});

test("it can be interrupted while it opens", async (context) => {
  await context.origin.set("/blob", { silence: "stall" });
  const command = new Command([context.url, "copy"], { cwd: context.folder.path });
  while ((await context.origin.counts()).requests === 0) await new Promise(setImmediate);
  command.kill("SIGINT");
  const { code, stderr } = await command.result;
  assert.is(code, 130);
  assert.is(stderr, "stopped; run the same command again to go on from there\n");
  assert.is(await resume(context), 0);
});

test("people are told how to go on", async (context) => {
  await context.origin.set("/blob", { bytesPerSecond: 100_000 });
  const { folder, url } = context;
  const command = new Command([url, "copy"], { cwd: folder.path });
  await command.until(/3\.8 MiB\n/);
  command.kill("SIGINT");
  const { stderr } = await command.result;
  assert.match(stderr, /stopped at \d+\.\d %; run the same command again[^\n]*\n$/);
});

test.run();
