import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseServeRequest } from "../adapters/cli/serve-request.ts";
import { COMMAND, NBD_ERROR } from "../adapters/nbd/protocol.ts";
import { Command, runCommand } from "./cli-command.ts";
import { type CommandContext, giveContext } from "./cli-context.ts";
import { RawClient } from "./nbd/raw-client.ts";

const SIZE = 3_000_000;

const test = suite<CommandContext>("headwater serve");
giveContext(test, SIZE);

test("serves while the rest arrives, read-only, and is resumed", async (context) => {
  const { origin, folder, url } = context;
  const unix = join(folder.path, "disk.sock");
  const words = ["serve", "--nbd", "disk.sock", url, "copy"];
  await origin.set("/blob", { bytesPerSecond: 300_000 });
  const command = new Command(words, { cwd: folder.path });
  await command.until(/^nbd\+unix:\/\/\/\?socket=disk\.sock$/m);
  {
    await using client = await RawClient.open({ address: { unix } });
    const { data } = await client.call({ type: COMMAND.read, offset: 2_900_000, length: 5000 });
    assert.ok(data.equals(origin.bytes(7, 2_900_000, 5000)));
    const refused = await client.call({ type: COMMAND.write, payload: new Uint8Array(10) });
    assert.is(refused.error, NBD_ERROR.notPermitted);
  }
  command.kill("SIGTERM");
  const { code, stderr } = await command.result;
  assert.is(code, 143, stderr);
  assert.match(stderr, /serving nbd\+unix.* \(read-only\)/);
  assert.match(stderr, "run the same command again");
  assert.not(existsSync(unix));
  assert.ok(existsSync(join(folder.path, "copy.partial")));

  await origin.set("/blob");
  const again = new Command([...words, "--json"], { cwd: folder.path });
  await again.until(/"event":"hydrated"/);
  assert.ok(readFileSync(join(folder.path, "copy")).equals(origin.bytes(7, 0, SIZE)));
  {
    // It goes on when everything is here.
    await using client = await RawClient.open({ address: { unix } });
    assert.is((await client.call({ type: COMMAND.read, length: 5000 })).error, 0);
  }
  again.kill("SIGINT");
  const result = await again.result;
  assert.is(result.code, 130, result.stderr);
  assert.ok(result.json().some(({ event }) => event === "serving"));
});

test("takes writes where it is told to, and keeps them", async ({ origin, folder, url }) => {
  const words = ["serve", "--nbd", ":0", "--writable", "--export-name", "disk", url, "copy"];
  const expected = Buffer.from(origin.bytes(7, 0, SIZE));
  for (const life of [1, 2]) {
    const command = new Command([...words, "--json"], { cwd: folder.path });
    const [, port = ""] = await command.match(/nbd:\/\/127\.0\.0\.1:(\d+)\/disk/);
    {
      const address = { port: Number(port), host: "127.0.0.1" };
      await using client = await RawClient.open({ address }, { name: "disk" });
      const { data } = await client.call({ type: COMMAND.read, length: 100_000 });
      assert.ok(data.equals(expected.subarray(0, 100_000)), `life ${life} has other bytes`);
      const payload = new Uint8Array(50_000).fill(life);
      const reply = await client.call({ type: COMMAND.write, offset: 1000 * life, payload });
      assert.is(reply.error, 0);
      expected.set(payload, 1000 * life);
    }
    command.kill("SIGTERM");
    const { code, stderr } = await command.result;
    assert.is(code, 143, stderr);
  }
  const done = await runCommand([url, "copy"], { cwd: folder.path });
  assert.is(done.code, 0, done.stderr);
  assert.ok(readFileSync(join(folder.path, "copy")).equals(expected));
});

test("an address that is taken, or none, is told at once", async ({ folder, url }) => {
  const first = new Command(["serve", "--nbd", "s", url, "one"], { cwd: folder.path });
  await first.until(/^nbd/m);
  const second = await runCommand(["serve", "--nbd", "s", url, "two"], { cwd: folder.path });
  assert.is(second.code, 5, second.stderr);
  assert.match(second.stderr, "in use by another server");
  first.kill("SIGKILL");
  await first.result;
  const none = await runCommand(["serve", url], { cwd: folder.path });
  assert.is(none.code, 2);
  assert.match(none.stderr, "say where to serve it");
});

test("the address is a path, or host and port", () => {
  const addressOf = (where: string): unknown =>
    parseServeRequest(["--nbd", where, "http://h/b"]).nbd;
  assert.equal(addressOf("a/b:1"), { unix: "a/b:1" });
  assert.equal(addressOf("socket"), { unix: "socket" });
  assert.equal(addressOf(":10809"), { port: 10809 });
  assert.equal(addressOf("0.0.0.0:1"), { host: "0.0.0.0", port: 1 });
  assert.equal(addressOf("[::1]:1"), { host: "::1", port: 1 });
  for (const words of [
    ["--nbd", ":99999"],
    ["--nbd", ""],
    ["--nbd", "s", "--tls-cert", "x"],
  ]) {
    assert.throws(() => parseServeRequest([...words, "http://h/b"]));
  }
});

test.run();
