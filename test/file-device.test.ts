import {
  appendFile,
  chmod,
  mkdtemp,
  readFile,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FileDevice } from "../adapters/file/index.ts";
import { writePieces } from "../adapters/file/write-pieces.ts";
import { type HeadwaterError, isHeadwaterError } from "../lib/errors.ts";

const test = suite("file device");

async function inFolder(run: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "headwater-file-"));
  try {
    await run(join(folder, "file"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function errorOf(promise: Promise<unknown>): Promise<HeadwaterError> {
  try {
    await promise;
  } catch (error) {
    if (isHeadwaterError(error)) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

test("a file like an array, whatever is written, discarded and resized", () =>
  inFolder(async (path) => {
    const at = fc.nat(5000);
    const pieces = fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 4 });
    const operations = fc.oneof(
      fc.record({ kind: fc.constant("write" as const), at, pieces }),
      fc.record({ kind: fc.constant("discard" as const), at, length: fc.nat(3000) }),
      fc.record({ kind: fc.constant("resize" as const), at }),
    );
    const likeAnArray = fc.asyncProperty(fc.array(operations, { maxLength: 12 }), async (list) => {
      await rm(path, { force: true });
      const device = await FileDevice.create(path, 4000);
      let model = Buffer.alloc(4000);
      for (const operation of list) {
        const { kind, at: offset } = operation;
        if (kind === "resize") {
          await device.resize(offset);
          model = Buffer.concat([model, Buffer.alloc(offset)]).subarray(0, offset);
        } else {
          const bytes =
            kind === "write" ? Buffer.concat(operation.pieces) : Buffer.alloc(operation.length);
          if (kind === "write") await device.write(offset, operation.pieces);
          else await device.discard(offset, operation.length);
          const size =
            bytes.length === 0 ? model.length : Math.max(model.length, offset + bytes.length);
          model = Buffer.concat([model, Buffer.alloc(size - model.length)]);
          bytes.copy(model, offset);
        }
        assert.is(device.size, model.length);
      }
      await device.close();
      assert.ok(model.equals(await readFile(path)));
    });
    await fc.assert(likeAnArray, { numRuns: 50 });
  }));

test("all of the pieces are written, however few bytes a call takes", async () => {
  const lists = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 8 });
  const takes = fc.infiniteStream(fc.integer({ min: 1, max: 25 }));
  await fc.assert(
    fc.asyncProperty(lists, takes, async (pieces, take) => {
      const written: Uint8Array[] = [];
      await writePieces(pieces, 7, async (rest, position) => {
        assert.is(position, 7 + Buffer.concat(written).length);
        const part = Buffer.concat(rest).subarray(0, take.next().value);
        assert.ok(part.length > 0, "a call for nothing");
        written.push(part);
        return part.length;
      });
      assert.ok(Buffer.concat(written).equals(Buffer.concat(pieces)));
    }),
  );
});

test("a discard leaves a hole a hole, and makes zeros of the rest", () =>
  inFolder(async (path) => {
    const size = 8 * 2 ** 20;
    await using device = await FileDevice.create(path, size);
    await device.write(5 * 2 ** 20 + 7, [new Uint8Array(100).fill(1)]);
    await device.discard(0, size);
    assert.equal(await device.read(0, size), new Uint8Array(size));
    const { blocks } = await stat(path);
    assert.ok(blocks * 512 <= 2 ** 20 + 4096, `${blocks * 512} bytes are allocated`);
  }));

test("a discard of many MiB leaves what is beside it", () =>
  inFolder(async (path) => {
    const size = 3 * 2 ** 20 + 11;
    const device = await FileDevice.create(path, size);
    await device.write(0, [new Uint8Array(size).fill(7)]);
    await device.discard(5, size - 10);
    const expected = Buffer.alloc(size)
      .fill(7, 0, 5)
      .fill(7, size - 5);
    assert.ok(expected.equals(await readFile(path)));
    await device.close();
  }));

test("reads at once up to the limit, and never more", () =>
  inFolder(async (path) => {
    await writeFile(path, Buffer.alloc(200_000, 9));
    const cases = [
      [undefined, 65536],
      [100, 100],
      [0, 0],
    ] as const;
    for (const [synchronousReads, limit] of cases) {
      const options = synchronousReads === undefined ? {} : { synchronousReads };
      const device = await FileDevice.open(path, options);
      const target = new Uint8Array(limit + 1);
      assert.not(device.readIntoSync(1, target), "more than the limit");
      assert.not(target.some(Boolean), "nothing is touched");
      assert.ok(device.readIntoSync(1, target.subarray(0, limit)));
      assert.equal(target, new Uint8Array(limit + 1).fill(9, 0, limit));
      await device.close();
      assert.not(device.readIntoSync(0, target.subarray(0, limit)), "after close");
    }
  }));

test("a file that was cut short is an error in both ways of reading", () =>
  inFolder(async (path) => {
    const device = await FileDevice.create(path, 10_000);
    await truncate(path, 5000);
    const target = new Uint8Array(200);
    assert.not(device.readIntoSync(4900, target));
    const error = await errorOf(device.readInto(4900, target));
    assert.is(error.code, "SHORT_READ");
    assert.match(error.message, "asked 200 bytes at 4900, got 100");
    assert.equal([error.offset, error.length], [4900, 200]);
    await device.close();
  }));

test("a source that was cut short is an error too", () =>
  inFolder(async (path) => {
    await writeFile(path, new Uint8Array(10_000));
    const device = await FileDevice.open(path);
    await truncate(path, 5000);
    assert.is((await errorOf(device.read(4900, 200))).code, "SHORT_READ");
    await device.close();
  }));

test("a source cannot be written", () =>
  inFolder(async (path) => {
    await writeFile(path, "content");
    const device = await FileDevice.open(path);
    for (const attempt of [
      device.write(0, [Uint8Array.of(1)]),
      device.discard(0, 1),
      device.resize(0),
      device.flush(),
    ]) {
      assert.is((await errorOf(attempt)).code, "READ_ONLY");
    }
    await device.close();
    assert.is(await readFile(path, "utf8"), "content");
  }));

test("its identity is another one when the file was modified", () =>
  inFolder(async (path) => {
    const identityNow = async (): Promise<string> => {
      await using device = await FileDevice.open(path);
      return device.identity;
    };
    await writeFile(path, "content");
    const first = await identityNow();
    assert.is(await identityNow(), first);
    await utimes(path, 5, 5);
    const second = await identityNow();
    await appendFile(path, "x");
    await utimes(path, 5, 5);
    assert.is(new Set([first, second, await identityNow()]).size, 3);
  }));

test("what cannot be opened says why", () =>
  inFolder(async (path) => {
    assert.is((await errorOf(FileDevice.open(path))).code, "SOURCE_NOT_FOUND");
    assert.is(
      (await errorOf(FileDevice.open(path, { writable: true }))).code,
      "DESTINATION_FAILED",
    );
    const folder = await errorOf(FileDevice.open(join(path, "..")));
    assert.is(folder.code, "SOURCE_FAILED");
    assert.match(folder.message, "not a regular file");
    await writeFile(path, "content");
    assert.is((await errorOf(FileDevice.create(path, 5))).code, "EXISTS");
    assert.is(await readFile(path, "utf8"), "content");
  }));

test("a size that no file can have leaves no file", () =>
  inFolder(async (path) => {
    assert.is(
      (await errorOf(FileDevice.create(path, Number.MAX_SAFE_INTEGER))).code,
      "DESTINATION_FAILED",
    );
    assert.is((await errorOf(FileDevice.open(path))).code, "SOURCE_NOT_FOUND");
  }));

test("the fingerprint changes with what others do, and is durable as it is", () =>
  inFolder(async (path) => {
    const device = await FileDevice.create(path, 100);
    await device.write(0, [new Uint8Array(100).fill(1)]);
    const first = await device.fingerprint();
    const { size, mtimeNs, ino } = await stat(path, { bigint: true });
    assert.is(first, `size ${size}, inode ${ino}, modified ${mtimeNs}`);
    await chmod(path, 0o600);
    assert.is(await device.fingerprint(), first, "permissions are not content");
    await utimes(path, 5, 5);
    assert.is.not(await device.fingerprint(), first);
    await device.close();
  }));

test("a write of more pieces than one call takes is whole", () =>
  inFolder(async (path) => {
    const device = await FileDevice.create(path, 0);
    const pieces = Array.from({ length: 5000 }, (_, index) => new Uint8Array(3).fill(index % 256));
    await device.write(0, pieces);
    assert.ok(Buffer.concat(pieces).equals(await readFile(path)));
    await device.close();
  }));

test.run();
