import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseServeRequest } from "../adapters/cli/serve-request.ts";
import { Command, runCommand } from "./cli-command.ts";
import { type CommandContext, giveContext } from "./cli-context.ts";
import { findProgram } from "./programs.ts";

const SIZE = 5_000_000;
const ADDRESS = /^http:\/\/127\.0\.0\.1:\d+\/\S+$/m;

const test = suite<CommandContext>("headwater serve --http");
giveContext(test, SIZE);

/** Runs a client beside the servers, in the folder. */
function run({ folder }: CommandContext, program: string, ...words: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, words, {
    cwd: folder.path,
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.is(status, 0, `${program} ${words.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}

test("curl goes on where it ended, while the copy arrives, and each byte comes once", async (context) => {
  const { origin, folder, url } = context;
  const curl = findProgram("curl");
  if (curl === undefined) return;
  const command = new Command(["serve", "--http", "0", url, "blob.bin"], { cwd: folder.path });
  const [address = ""] = await command.match(ADDRESS);
  assert.match(address, "/blob.bin");
  const content = Buffer.from(origin.bytes(7, 0, SIZE));
  writeFileSync(join(folder.path, "half"), content.subarray(0, 2_345_678));
  run(context, curl, "-sS", "--fail", "-C", "-", "-o", "half", address);
  assert.ok(readFileSync(join(folder.path, "half")).equals(content));
  run(context, curl, "-sS", "--fail", "-r", "100-199,300-399,-100", "-o", "parts", address);
  assert.match(
    readFileSync(join(folder.path, "parts"), "latin1"),
    /bytes 4999900-4999999\/5000000/,
  );
  assert.is((await origin.counts("/blob")).bytes, SIZE);
  command.kill("SIGTERM");
  const { code, stderr } = await command.result;
  assert.is(code, 143, stderr);
  assert.ok(readFileSync(join(folder.path, "blob.bin")).equals(content));
});

test("aria2c takes it in many parts at once, and has the same", async (context) => {
  const { origin, folder, url } = context;
  const aria2c = findProgram("aria2c");
  if (aria2c === undefined) return;
  const words = ["serve", "--http", ":0", "--no-hydration", url, "blob.bin"];
  const command = new Command(words, { cwd: folder.path });
  const [address = ""] = await command.match(ADDRESS);
  const parts = [
    "-x",
    "8",
    "-s",
    "8",
    "-k",
    "1M",
    "--allow-overwrite=true",
    "--file-allocation=none",
  ];
  run(context, aria2c, "--no-conf", "-q", ...parts, "-o", "taken", address);
  const taken = readFileSync(join(folder.path, "taken"));
  assert.ok(taken.equals(origin.bytes(7, 0, SIZE)));
  assert.is((await origin.counts("/blob")).bytes, SIZE);
  command.kill("SIGINT");
  assert.is((await command.result).code, 130);
});

test("a finished copy serves others without its source, under the ETag that it had", async (context) => {
  const { origin, folder, url } = context;
  const first = new Command(["serve", "--http", "0", url, "a.bin"], { cwd: folder.path });
  const [early = ""] = await first.match(ADDRESS);
  const tag = (await fetch(early, { method: "HEAD" })).headers.get("etag");
  await first.until(/is whole/);
  first.kill("SIGTERM");
  await first.result;
  await origin.close();

  const again = new Command(["serve", "--http", "0", "a.bin", "--json"], { cwd: folder.path });
  const [, uri = ""] = await again.match(/"uri":"([^"]+)"/);
  assert.is((await fetch(uri, { method: "HEAD" })).headers.get("etag"), tag);
  const copied = await runCommand([uri, "b.bin"], { cwd: folder.path });
  assert.is(copied.code, 0, copied.stderr);
  assert.ok(readFileSync(join(folder.path, "b.bin")).equals(origin.bytes(7, 0, SIZE)));
  again.kill("SIGTERM");
  assert.is((await again.result).code, 143);
});

test("a file of somebody else's is served as it is", async ({ folder }) => {
  writeFileSync(join(folder.path, "notes.txt"), "some notes");
  const command = new Command(["serve", "--http", "0", "notes.txt"], { cwd: folder.path });
  const [address = ""] = await command.match(ADDRESS);
  const response = await fetch(address, { headers: { range: "bytes=5-" } });
  assert.is(await response.text(), "notes");
  assert.match(response.headers.get("etag") ?? "", /^W\//);
  assert.ok(response.headers.get("last-modified"));
  command.kill("SIGTERM");
  assert.is((await command.result).code, 143);
  assert.not(existsSync(join(folder.path, "notes.txt.headwater")));
  const words = ["serve", "--nbd", "s", "--http", "0", "notes.txt"];
  assert.is((await runCommand(words, { cwd: folder.path })).code, 2);
});

test("where and for whom is said in one word each", () => {
  const placeOf = (...words: string[]): unknown => parseServeRequest([...words, "http://h/b"]).http;
  const open = { allowedHosts: [], origins: [] };
  assert.equal(placeOf("--http", "80"), { host: "127.0.0.1", port: 80, ...open });
  assert.equal(placeOf("--http", ":80"), { host: "127.0.0.1", port: 80, ...open });
  assert.equal(placeOf("--http", "[::]:80"), { host: "::", port: 80, ...open });
  assert.equal(placeOf("--http", "0.0.0.0:1", "--allow-host", "a.org", "--allow-origin", "*"), {
    host: "0.0.0.0",
    port: 1,
    allowedHosts: ["a.org"],
    origins: "*",
  });
  for (const words of [["--http", ""], ["--http", "sock"], ["--http", "99999"], []]) {
    assert.throws(() => placeOf(...words));
  }
});

test.run();
