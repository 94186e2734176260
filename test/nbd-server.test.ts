import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { serveNbd } from "../adapters/nbd/index.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { run, serveFile } from "./nbd/served-file.ts";
import { findProgram } from "./programs.ts";

/** The server with the clients that people use. */
const test = suite("NBD server, clients");

const SIZE = 8 * 2 ** 20 + 512 * 3;
const original = patternBytes(SIZE);

function sameBytes(found: Uint8Array, expected: Uint8Array): boolean {
  return Buffer.compare(found, expected) === 0;
}

test("nbdinfo finds the size, what may be done, and every export", async () => {
  const nbdinfo = findProgram("nbdinfo");
  if (nbdinfo === undefined) return;
  await using served = await serveFile(original);
  const exports = {
    disk: { clone: served.clone, description: "the only disk" },
    fixed: { clone: served.clone, readOnly: true },
  };
  await using server = await serveNbd(exports, { port: 0 });
  const output = await run(nbdinfo, ["--list", "--json", server.uri]);
  type Found = Record<string, unknown>;
  const [disk = {}, fixed = {}] = (JSON.parse(output) as { exports: Found[] }).exports;
  assert.is(disk["export-name"], "disk");
  assert.is(disk.description, "the only disk");
  assert.is(disk["export-size"], SIZE);
  assert.is(disk.is_read_only, false);
  for (const able of ["cache", "df", "fast_zero", "flush", "fua", "multi_conn", "trim", "zero"]) {
    assert.is(disk[`can_${able}`], true, able);
  }
  assert.equal(disk.contexts, ["base:allocation", "x-headwater:state"]);
  assert.is(disk.block_size_maximum, 2 ** 25);
  assert.is(fixed.is_read_only, true);
  assert.is(fixed.can_trim, false);
});

test("the map of what is hydrated is told, and what is not is no hole", async () => {
  const nbdinfo = findProgram("nbdinfo");
  if (nbdinfo === undefined) return;
  await using served = await serveFile(original, { noHydration: true, readAround: 0 });
  // A read has its bytes before they are in the destination.
  await served.clone.hydrate({ ranges: [{ offset: 65_536, length: 65_536 * 2 }] });
  const map = async (context: string): Promise<number[][]> => {
    const output = await run(nbdinfo, ["--json", `--map=${context}`, served.uri]);
    type Entry = { offset: number; length: number; type: number };
    return (JSON.parse(output) as Entry[]).map(({ offset, length, type }) => [
      offset,
      length,
      type,
    ]);
  };
  assert.equal(await map("x-headwater:state"), [
    [0, 65_536, 0],
    [65_536, 131_072, 1],
    [196_608, SIZE - 196_608, 0],
  ]);
  assert.equal(await map("base:allocation"), [[0, SIZE, 0]]);
});

for (const connections of [1, 4]) {
  test(`nbdcopy with ${connections} connections copies every byte, out and in`, async () => {
    const nbdcopy = findProgram("nbdcopy");
    if (nbdcopy === undefined) return;
    await using served = await serveFile(original);
    const out = join(served.folder, "out");
    const words = ["--synchronous", `--connections=${connections}`, "--requests=16"];
    const many = connections === 1 ? ["--synchronous"] : words.slice(1);
    await run(nbdcopy, [...many, served.uri, out]);
    assert.ok(sameBytes(await readFile(out), original));

    const other = patternBytes(SIZE, 2);
    await using target = await serveFile(other, { noHydration: true });
    await run(nbdcopy, [...many, "--flush", out, target.uri]);
    await target.server.close();
    assert.ok(sameBytes(await target.clone.read(0, SIZE), original));
  });
}

test("qemu-img sees, compares and converts; qemu-io writes, discards and reads", async () => {
  const [qemuImg, qemuIo] = [findProgram("qemu-img"), findProgram("qemu-io")];
  if (qemuImg === undefined || qemuIo === undefined) return;
  await using served = await serveFile(original);
  const { folder, uri, clone } = served;
  const info = JSON.parse(await run(qemuImg, ["info", "--output=json", uri])) as object;
  assert.is((info as Record<string, unknown>)["virtual-size"], SIZE);
  const source = join(folder, "source");
  assert.match(await run(qemuImg, ["compare", "-f", "raw", "-F", "raw", uri, source]), "identical");
  const converted = join(folder, "converted.qcow2");
  await run(qemuImg, ["convert", "-f", "raw", "-O", "qcow2", uri, converted]);
  assert.match(await run(qemuImg, ["compare", converted, source]), "identical");

  const commands = [
    "write -P 0x5a 4096 100000",
    "write -f -P 0x11 1000000 512",
    "write -z 2000000 70000",
    "write -z -u 3000000 70000",
    "discard 4194304 131072",
    "flush",
    "read -P 0x5a 4096 100000",
    "read -P 0x11 1000000 512",
    "read -P 0 2000000 70000",
    "read -P 0 3000000 70000",
    "read -P 0 4194304 131072",
  ].flatMap((command) => ["-c", command]);
  const output = await run(qemuIo, ["-f", "raw", ...commands, uri]);
  assert.not(/failed|Error|error/.test(output), output);
  const expected = original.slice();
  expected.fill(0x5a, 4096, 104_096);
  expected.fill(0x11, 1_000_000, 1_000_512);
  for (const [at, length] of [
    [2_000_000, 70_000],
    [3_000_000, 70_000],
    [4_194_304, 131_072],
  ] as const) {
    expected.fill(0, at, at + length);
  }
  assert.ok(sameBytes(await clone.read(0, SIZE), expected));
});

test("nbdsh finds every command, flag and error as the protocol says", async () => {
  const nbdsh = findProgram("nbdsh");
  if (nbdsh === undefined) return;
  await using served = await serveFile(original, { noHydration: true });
  const script = `
import errno
h.add_meta_context("base:allocation"); h.add_meta_context("x-headwater:state")
h.connect_uri(${JSON.stringify(served.uri)})
h.set_strict_mode(0)
size = h.get_size()
assert size == ${SIZE}
def fails(number, call, *args):
    try: call(*args)
    except nbd.Error as error: assert error.errnum == number, (error.errnum, number)
    else: raise AssertionError("it did not fail: %s %s" % (call, args))
data = bytes(range(256)) * 40
h.pwrite(data, 70001, nbd.CMD_FLAG_FUA); assert h.pread(len(data), 70001) == data
assert h.pread(10, 70001, nbd.CMD_FLAG_DF) == data[:10]
h.zero(100, 70011, nbd.CMD_FLAG_FUA | nbd.CMD_FLAG_NO_HOLE)
assert h.pread(110, 70001) == data[:10] + bytes(100)
h.trim(65536, 131072, nbd.CMD_FLAG_FUA); assert h.pread(65536, 131072) == bytes(65536)
h.cache(1000, 500000); h.flush()
seen = {}
h.block_status(size, 0, lambda name, offset, entries, error: seen.__setitem__(name, entries))
assert seen["base:allocation"] == [size, 0], seen
assert 1 in seen["x-headwater:state"][1::2] and 0 in seen["x-headwater:state"][1::2], seen
fails(errno.EINVAL, h.pread, 2, size - 1)
fails(errno.ENOSPC, h.pwrite, b"xx", size - 1)
fails(errno.ENOSPC, h.zero, 2, size - 1)
fails(errno.EINVAL, h.trim, 2, size - 1)
fails(errno.EINVAL, h.cache, 2, size - 1)
fails(errno.ENOTSUP, h.zero, 4096, 0, nbd.CMD_FLAG_FAST_ZERO)
fails(errno.EINVAL, h.pread, 2, 0, nbd.CMD_FLAG_NO_HOLE)
fails(errno.EINVAL, h.pwrite, b"x", 0, nbd.CMD_FLAG_FAST_ZERO)
bufs = [nbd.Buffer(5000) for _ in range(40)]
cookies = [h.aio_pread(b, 5000 * i) for i, b in enumerate(bufs)]
while h.aio_in_flight() > 0: h.poll(-1)
assert all(h.aio_command_completed(c) for c in cookies)
h.shutdown()
print("all is well")
`;
  // The Python that it is installed for, whatever else is called python3 here.
  const env = { ...process.env, PATH: "/usr/bin:/bin" };
  assert.match(await run(nbdsh, ["-c", script], { env }), "all is well");
});

test("nbdkit passes on what it reads here, through its own plugin", async () => {
  const [nbdkit, nbdcopy] = [findProgram("nbdkit"), findProgram("nbdcopy")];
  if (nbdkit === undefined || nbdcopy === undefined) return;
  await using served = await serveFile(original);
  const out = join(served.folder, "out");
  const words = ["-U", "-", "--filter=cow", "nbd", `uri=${served.uri}`, "shared=true"];
  await run(nbdkit, [...words, "--run", `nbdcopy "$uri" ${out}`]);
  assert.ok(sameBytes(await readFile(out), original));
});

test("fio writes and verifies with four jobs while hydration runs", async () => {
  const fio = findProgram("fio");
  if (fio === undefined) return;
  const engines = await run(fio, ["--enghelp"]);
  if (!engines.includes("nbd")) {
    console.log("skipped: this fio has no NBD engine");
    return;
  }
  const size = 32 * 2 ** 20;
  await using served = await serveFile(patternBytes(size), { bytesPerSecond: 20e6 });
  const job = ["--ioengine=nbd", `--uri=${served.uri}`, "--size=8M", "--offset_increment=8M"];
  const load = ["--rw=randwrite", "--bsrange=512-64k", "--bs_unaligned", "--iodepth=8"];
  const check = ["--verify=crc32c", "--verify_fatal=1", "--fsync=64", "--randseed=7"];
  const output = await run(
    fio,
    ["--name=all", "--numjobs=4", "--group_reporting", ...job, ...load, ...check],
    { cwd: served.folder },
  );
  assert.match(output, /err= 0/);
  await served.clone.hydrated();
});

test("a file system that is read and written through the server is sound", async () => {
  const [mkfs, debugfs] = [findProgram("mkfs.ext4"), findProgram("debugfs")];
  const [fsck, nbdcopy] = [findProgram("e2fsck"), findProgram("nbdcopy")];
  if (mkfs === undefined || debugfs === undefined) return;
  if (fsck === undefined || nbdcopy === undefined) return;
  await using made = await serveFile(new Uint8Array(16 * 2 ** 20));
  const image = join(made.folder, "source");
  await run(mkfs, ["-q", "-F", "-O", "^has_journal", image]);
  await run(debugfs, ["-w", "-R", "write /etc/passwd names", image]);
  await using served = await serveFile(await readFile(image), { bytesPerSecond: 5e6 });
  // Copied out, changed and copied back while the rest arrives.
  const out = join(served.folder, "out");
  await run(nbdcopy, [served.uri, out]);
  await run(debugfs, ["-w", "-R", "mkdir inside", out]);
  await run(nbdcopy, ["--flush", out, served.uri]);
  await served.clone.hydrated();
  await run(nbdcopy, [served.uri, out]);
  await run(fsck, ["-fn", out]);
  assert.match(await run(debugfs, ["-R", "ls", out]), /names.*inside/s);
  assert.is(await run(debugfs, ["-R", "cat names", out]), await readFile("/etc/passwd", "utf8"));
});

test.run();
