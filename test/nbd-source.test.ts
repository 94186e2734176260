import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, truncateSync, writeSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type NbdOptions, nbd } from "../adapters/nbd/index.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import type { ByteRange, SourceDevice } from "../lib/index.ts";
import {
  freePort,
  makeFolder,
  type NbdServer,
  startNbdkit,
  startQemu,
} from "./nbd-source-servers.ts";
import { findProgram } from "./programs.ts";
import { failure } from "./rejection.ts";

interface Context {
  folder: string;
  remove: () => Promise<void>;
  servers: NbdServer[];
}

const test = suite<Context>("NBD source and real servers");

const SIZE = 3 * 2 ** 20;

test.before.each(async (context) => {
  const { path, remove } = await makeFolder();
  Object.assign(context, { folder: path, remove, servers: [] });
});

test.after.each(async ({ servers, remove }) => {
  for (const server of servers) await server.kill();
  await remove();
});

/** Runs with a source of a server, if that is installed. */
async function withSource(
  { servers }: Context,
  starting: Promise<NbdServer | undefined>,
  run: (source: SourceDevice) => Promise<void>,
  options: NbdOptions = {},
): Promise<void> {
  const server = await starting;
  if (server === undefined) return;
  servers.push(server);
  const source = await nbd(server.uri, options).open();
  try {
    await run(source);
  } finally {
    await source.close();
  }
}

async function zerosOf(source: SourceDevice, offset = 0, length = source.size - offset) {
  const ranges: ByteRange[] = [];
  for await (const range of source.zeros?.(offset, length) ?? []) ranges.push(range);
  return ranges;
}

/** A file of which only these ranges hold anything. */
function sparseFile(path: string, size: number, data: readonly ByteRange[]): void {
  const file = openSync(path, "w");
  truncateSync(path, size);
  for (const { offset, length } of data) writeSync(file, patternBytes(length), 0, length, offset);
  closeSync(file);
}

test("reads over TCP, each byte once and each request counted", async (context) => {
  if (findProgram("nbdkit") === undefined) return;
  const port = await freePort();
  const args = ["-p", String(port), "-i", "127.0.0.1", "pattern", `size=${SIZE}`];
  const server = await startNbdkit(context.folder, args);
  if (server === undefined) return;
  const tcp = { ...server, uri: `nbd://127.0.0.1:${port}/` };
  await withSource(context, Promise.resolve(tcp), async (source) => {
    const spent = { requests: 0, bytes: 0 };
    const meter = {
      request: () => {
        spent.requests += 1;
      },
      bytes: (count: number) => {
        spent.bytes += count;
      },
    };
    const bytes = await source.read(4096, 2 ** 20, { meter, class: "background" });
    const view = new DataView(bytes.buffer);
    for (let at = 0; at < bytes.length; at += 8) {
      assert.is(view.getBigUint64(at), BigInt(4096 + at));
    }
    // On a grid of 256 KiB.
    assert.equal(spent, { requests: 5, bytes: 2 ** 20 });
    assert.is(source.identity, `nbd://127.0.0.1:${port}/ unvalidated size=${SIZE}`);
    assert.is(source.strongIdentity, false);
  });
});

test("a name makes the identity a strong one", async (context) => {
  const args = ["pattern", "size=4096"];
  await withSource(
    context,
    startNbdkit(context.folder, args),
    async (source) => {
      assert.match(source.identity, /^nbd\+unix:\/\/\/\?socket=\/\S+ identity="7th" size=4096$/);
      assert.is(source.strongIdentity, true);
    },
    { identity: "7th" },
  );
});

test("an export that is not there is not found", async (context) => {
  const { folder, servers } = context;
  await writeFile(join(folder, "file"), patternBytes(4096));
  const server = await startQemu(folder, ["--format=raw", "--export-name=disk", `${folder}/file`]);
  if (server === undefined) return;
  servers.push(server);
  const good = await nbd(server.uri.replace("///", "///disk")).open();
  await good.close();
  const error = await failure(nbd(server.uri.replace("///", "///other")).open());
  assert.equal([error.code, error.retryable], ["SOURCE_NOT_FOUND", false]);
});

test("a server that is not there can be tried again", async ({ folder }) => {
  const error = await failure(nbd(`nbd+unix:///?socket=${folder}/nothing`).open());
  assert.equal([error.code, error.retryable], ["SOURCE_FAILED", true]);
  assert.match(error.message, "ENOENT");
});

test("keeps to blocks of which no other size is served", async (context) => {
  const policy = ["--filter=blocksize-policy", "pattern", `size=${SIZE}`];
  const sizes = ["minimum=16384", "preferred=65536", "maximum=65536", "error-policy=error"];
  const args = [...policy, ...sizes.map((size) => `blocksize-${size}`)];
  await withSource(context, startNbdkit(context.folder, args), async (source) => {
    for (const [offset, length] of [
      [8, 8],
      [16_384 - 8, 16],
      [65_536 - 8, 300_000],
      [SIZE - 8, 8],
      [0, SIZE],
    ] as const) {
      const bytes = await source.read(offset, length);
      const view = new DataView(bytes.buffer);
      assert.is(bytes.length, length);
      for (let at = 0; at + 8 <= length; at += 8) {
        assert.is(view.getBigUint64(at), BigInt(offset + at));
      }
    }
  });
});

test("what is known of zeros begins where it was asked, whatever the server's blocks", async (context) => {
  const policy = ["--filter=blocksize-policy", "memory", `${SIZE}`];
  const sizes = ["minimum=16384", "preferred=65536", "maximum=65536", "error-policy=error"];
  const args = [...policy, ...sizes.map((size) => `blocksize-${size}`)];
  await withSource(context, startNbdkit(context.folder, args), async (source) => {
    assert.equal(await zerosOf(source, 100, 5000), [{ offset: 100, length: 5000 }]);
    assert.equal(await zerosOf(source, 16_000, SIZE - 16_000), [
      { offset: 16_000, length: SIZE - 16_000 },
    ]);
  });
});

test("a hole that is not said to be zeros is none", async (context) => {
  const script = [
    "get_size=echo 1M",
    "pread=head -c $3 /dev/zero",
    "can_extents=exit 0",
    "extents=echo 0 256K hole; echo 256K 256K zero; echo 512K 256K hole,zero; echo 768K 256K",
  ];
  await withSource(context, startNbdkit(context.folder, ["eval", ...script]), async (source) => {
    assert.equal(await zerosOf(source), [{ offset: 2 ** 18, length: 2 ** 19 }]);
  });
});

test("opens connections for readers and for the background, as many as it may", async (context) => {
  for (const [mode, expected] of [
    ["disable", 1],
    ["auto", 6],
  ] as const) {
    const log = join(context.folder, `log-${mode}`);
    const filters = ["--filter=log", "--filter=delay", "--filter=multi-conn"];
    const plugin = ["pattern", `size=${SIZE}`];
    const settings = [`logfile=${log}`, "delay-read=20ms", `multi-conn-mode=${mode}`];
    const starting = startNbdkit(context.folder, [...filters, ...plugin, ...settings]);
    await withSource(context, starting, async (source) => {
      for (let round = 0; round < 8; round += 1) {
        const reads = Array.from({ length: 16 }, (_, index) =>
          source.read(index * 4096, 4096, { class: index % 2 === 0 ? "demand" : "background" }),
        );
        await Promise.all(reads);
      }
      const lines = (await readFile(log, "utf8")).split("\n");
      assert.is(lines.filter((line) => / Connect /.test(line)).length, expected, mode);
    });
    for (const server of context.servers.splice(0)) await server.kill();
  }
});

test("a server that takes too long is given up", async (context) => {
  const args = ["--filter=delay", "pattern", `size=${SIZE}`, "delay-read=5"];
  await withSource(
    context,
    startNbdkit(context.folder, args),
    async (source) => {
      const error = await failure(source.read(0, 10));
      assert.equal([error.code, error.retryable], ["TIMEOUT", true]);
    },
    { stallTimeoutMs: 150 },
  );
});

test("knows the zeros of a sparse file, and only those", async (context) => {
  const file = join(context.folder, "sparse");
  const data = [
    { offset: 2 ** 20, length: 65_536 },
    { offset: 5 * 2 ** 30, length: 65_536 },
  ];
  sparseFile(file, 6 * 2 ** 30, data);
  await withSource(context, startNbdkit(context.folder, ["file", file]), async (source) => {
    const zeros = await zerosOf(source);
    const length = zeros.reduce((sum, range) => sum + range.length, 0);
    assert.is(length, 6 * 2 ** 30 - 2 * 65_536);
    for (const { offset, length } of data) {
      assert.equal(await zerosOf(source, offset, length), []);
      assert.equal(await zerosOf(source, offset - 100, 200), [
        { offset: offset - 100, length: 100 },
      ]);
    }
  });
});

test("knows the zeros of a sparse qcow2 image, and reads them", async (context) => {
  const image = findProgram("qemu-img");
  if (image === undefined) return;
  const raw = join(context.folder, "raw");
  const qcow = join(context.folder, "qcow");
  sparseFile(raw, SIZE, [{ offset: 2 ** 20, length: 65_536 }]);
  execFileSync(image, ["convert", "-f", "raw", "-O", "qcow2", raw, qcow]);
  await withSource(context, startQemu(context.folder, ["--format=qcow2", qcow]), async (source) => {
    assert.equal(await zerosOf(source), [
      { offset: 0, length: 2 ** 20 },
      { offset: 2 ** 20 + 65_536, length: SIZE - 2 ** 20 - 65_536 },
    ]);
    assert.equal(Buffer.from(await source.read(0, SIZE)), await readFile(raw));
  });
});

test("a server that does not tell its zeros has none that are known", async (context) => {
  const file = join(context.folder, "sparse");
  sparseFile(file, SIZE, []);
  for (const args of [
    ["--filter=noextents", "file", file],
    ["--no-sr", "file", file],
  ]) {
    await withSource(context, startNbdkit(context.folder, args), async (source) => {
      assert.equal(await zerosOf(source), []);
    });
    for (const server of context.servers.splice(0)) await server.kill();
  }
});

test("closing with much under way does the server no harm", async (context) => {
  const args = ["--filter=delay", "pattern", `size=${SIZE}`, "delay-read=10ms"];
  const server = await startNbdkit(context.folder, args);
  if (server === undefined) return;
  context.servers.push(server);
  for (let round = 0; round < 10; round += 1) {
    const source = await nbd(server.uri).open();
    const reading = failure(source.read(0, SIZE, { class: "background" }));
    await source.read(0, 1);
    await source.close();
    assert.is((await reading).code, "CLOSED");
  }
});

test("a source that nobody closed keeps no process alive", async (context) => {
  const server = await startNbdkit(context.folder, ["pattern", "size=4096"]);
  if (server === undefined) return;
  context.servers.push(server);
  const entry = new URL("../adapters/nbd/index.js", import.meta.url).href;
  for (const use of ["", "await source.read(0, 4096);"]) {
    const code = `
      const { nbd } = await import(${JSON.stringify(entry)});
      const source = await nbd(${JSON.stringify(server.uri)}).open();
      ${use}`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", code]);
    const [exitCode] = await once(child, "exit");
    assert.is(exitCode, 0);
  }
});

test.run();
