// An address in brackets, through the source, the front door and the command.
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hydrate } from "../adapters/hydrate.ts";
import { assertBytes, patternBytes } from "../adapters/testing/index.ts";
import { type CommandResult, makeFolder, runCommand } from "./cli-command.ts";

const test = suite("IPv6");
const CONTENT = patternBytes(300_000, 6);

/** Serves parts of the content on the loopback address; undefined where there is no IPv6. */
async function listen(): Promise<Server | undefined> {
  const server = createServer((request, response) => {
    const [, first = "0", last = ""] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? "") ?? [];
    const end = Math.min(last === "" ? CONTENT.length : Number(last) + 1, CONTENT.length);
    response.writeHead(206, {
      etag: '"six"',
      "content-range": `bytes ${first}-${end - 1}/${CONTENT.length}`,
      "content-length": end - Number(first),
    });
    response.end(CONTENT.subarray(Number(first), end));
  });
  return await new Promise((resolve) => {
    server.once("error", () => {
      console.log("skipped: ::1 cannot be bound");
      resolve(undefined);
    });
    server.listen(0, "::1", () => resolve(server));
  });
}

/** Runs with the URL of the server and an empty folder. */
async function served(run: (url: string, folder: string) => Promise<void>): Promise<void> {
  const server = await listen();
  if (server === undefined) return;
  const folder = makeFolder();
  try {
    const { port } = server.address() as AddressInfo;
    await run(`http://[::1]:${port}`, folder.path);
  } finally {
    folder.remove();
    server.closeAllConnections();
    server.close();
  }
}

test("a blob at an IPv6 address is read, hydrated and resumed", () =>
  served(async (url, folder) => {
    const path = join(folder, "copy");
    const begun = await hydrate(`${url}/big.bin`, path, { noHydration: true });
    assertBytes(await begun.read(200_000, 1000), CONTENT.slice(200_000, 201_000), "the read");
    assert.match(begun.status().identity, "[::1]");
    await begun.close();
    const clone = await hydrate(`${url}/big.bin`, path);
    await clone.hydrated();
    await clone.close();
    assertBytes(readFileSync(path), CONTENT, "the copy");
  }));

test("the command names the file by the path, and says the address as it was given", () =>
  served(async (url, folder) => {
    const run = (...args: string[]): Promise<CommandResult> => runCommand(args, { cwd: folder });
    const { code, stderr } = await run(`${url}/a%20folder/big.bin?part=1`, "--quiet");
    assert.is(code, 0, stderr);
    assertBytes(readFileSync(join(folder, "big.bin")), CONTENT, "the copy");
    assert.is((await run("verify", `${url}/a%20folder/big.bin?part=1`, "big.bin")).code, 0);
    const [info] = (await run("info", `${url}/big.bin?part=1`, "--json")).json();
    assert.is(info?.url, `${url}/big.bin`);
    const nameless = await run(`${url}/`);
    assert.is(nameless.code, 2);
    assert.match(nameless.stderr, "the URL names no file");
  }));

test.run();
