import { once } from "node:events";
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type CommandResult, makeFolder, runCommand } from "./cli-command.ts";
import { fixtureFiles } from "./ltx-files.ts";

const test = suite("headwater sql of a replica");

const COUNT = "select count(*) as n from t";

interface Replica extends AsyncDisposable {
  readonly folder: string;
  /** Of a web server over the folder, which lists what is in it as nginx does. */
  readonly url: string;
}

async function serveReplica(name: string): Promise<Replica> {
  const { path: folder, remove } = makeFolder();
  for (const { path, bytes } of fixtureFiles(name)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://host");
    answer(join(folder, pathname), request.headers.range, response).catch(() => {
      response.writeHead(404).end();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    remove();
  };
  return { folder, url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: close };
}

async function answer(
  path: string,
  range: string | undefined,
  response: ServerResponse,
): Promise<void> {
  if (statSync(path).isDirectory()) {
    const entries = readdirSync(path, { withFileTypes: true }).map((entry) => {
      const { size, mtime } = statSync(join(path, entry.name));
      const type = entry.isDirectory() ? "directory" : "file";
      return { name: entry.name, type, size, mtime: mtime.toUTCString() };
    });
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(entries));
    return;
  }
  const bytes = await readFile(path);
  const [, first = "0", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(range ?? "") ?? [];
  const start = first === "" ? Math.max(0, bytes.length - Number(last)) : Number(first);
  const end = first === "" || last === "" ? bytes.length : Math.min(bytes.length, Number(last) + 1);
  const contentRange = `bytes ${start}-${end - 1}/${bytes.length}`;
  response.writeHead(206, { "content-range": contentRange, "content-length": end - start });
  response.end(bytes.subarray(start, end));
}

const sql = (cwd: string, ...args: string[]): Promise<CommandResult> =>
  runCommand(["sql", ...args, "--json"], { cwd });

async function countOf(cwd: string, ...args: string[]): Promise<number> {
  const { code, stdout, stderr } = await sql(cwd, ...args);
  assert.equal([code, stderr], [0, ""], args.join(" "));
  return (JSON.parse(stdout.toString()) as { n: number }).n;
}

test("a folder is a replica, by its path or its URL, and any of its states is asked", async () => {
  await using replica = await serveReplica("small");
  const { folder } = replica;
  assert.is(await countOf(folder, "small", COUNT), 155);
  assert.is(await countOf(folder, `file://${folder}/small`, COUNT, "--at", "7"), 105);
  assert.equal(readdirSync(folder), ["small"]);
  assert.is(await countOf(folder, "small", "app.db", COUNT, "--at", "3"), 200);
  assert.is(await countOf(folder, "small", "app.db", COUNT), 155, "it is brought to the newest");
});

test("a replica on a web server is asked where it is", async () => {
  await using replica = await serveReplica("small");
  const { folder, url } = replica;
  assert.is(await countOf(folder, `${url}/small/`, COUNT), 155);
  assert.is(await countOf(folder, `${url}/small`, COUNT, "--at", "3"), 200);
  assert.is.not((await sql(folder, `${url}/small`, COUNT)).code, 0, "it is not said to be one");
});

test.run();
