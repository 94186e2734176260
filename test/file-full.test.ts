// A full disk, for real: the test runs itself again in a mount namespace of its own, where a small
// file system is its folder. It is gone with the process.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { readFile, rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { look } from "../adapters/file/found.ts";
import { FileDevice, FileMapStore, LocalCopy } from "../adapters/file/index.ts";
import { namesOf } from "../adapters/file/names.ts";
import { checkSpace } from "../adapters/file/space.ts";
import { hydrate } from "../adapters/hydrate.ts";
import { MemoryDevice } from "../adapters/memory.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { type HeadwaterError, isHeadwaterError } from "../lib/errors.ts";

const test = suite("full disk");

const MiB = 2 ** 20;
const VARIABLE = "HEADWATER_TEST_SMALL_FILE_SYSTEM";
/** Where the small file system is mounted, in the process that has it. */
const SMALL = process.env[VARIABLE];

async function errorOf(promise: Promise<unknown>): Promise<HeadwaterError> {
  try {
    await promise;
  } catch (error) {
    if (isHeadwaterError(error)) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

async function freeSpace(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** What the tests print that run there, or undefined where nothing can be mounted. */
function runInSmall(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "headwater-full-"));
  const namespaces = ["--mount", "--map-root-user", "sh", "-c"];
  const mount = `mount -t tmpfs -o size=2m tmpfs "${folder}"`;
  const options = { env: { ...process.env, [VARIABLE]: folder }, encoding: "utf8" } as const;
  try {
    execFileSync("unshare", [...namespaces, mount], { stdio: "ignore" });
  } catch {
    rmdirSync(folder);
    return undefined;
  }
  try {
    const program = [process.execPath, fileURLToPath(import.meta.url)];
    return execFileSync(
      "unshare",
      [...namespaces, `${mount} && exec "$0" "$1"`, ...program],
      options,
    );
  } finally {
    rmdirSync(folder);
  }
}

if (SMALL === undefined) {
  test("a full file system is reported and survived", () => {
    const output = runInSmall();
    if (output === undefined) console.log("skipped: no small file system can be mounted here");
    else assert.match(output, /Passed: {4}5\n/);
  });
} else {
  test("a write that does not fit says so, and one that fits succeeds later", async () => {
    const device = await FileDevice.create(`${SMALL}/device`, 8 * MiB);
    const error = await errorOf(device.write(0, [new Uint8Array(4 * MiB)]));
    assert.is(error.code, "DESTINATION_FULL");
    assert.equal([error.offset, error.length], [0, 4 * MiB]);
    assert.match(error.message, "ENOSPC");
    await device.resize(0);
    await device.resize(8 * MiB);
    await device.write(5 * MiB, [new Uint8Array(MiB).fill(1)]);
    await device.close();
    await rm(`${SMALL}/device`);
  });

  test("a map is saved although the disk is full", async () => {
    const store = await FileMapStore.create(`${SMALL}/map`, 256 * 1024);
    const filler = writeFile(`${SMALL}/filler`, new Uint8Array(4 * MiB));
    await filler.then(
      () => assert.unreachable(),
      () => {},
    );
    assert.is(await freeSpace(SMALL), 0);
    await store.save(1, new Uint8Array(256 * 1024).fill(7));
    await store.close();
    assert.is((await readFile(`${SMALL}/map`)).at(-1), 7);
    await rm(`${SMALL}/map`);
    await rm(`${SMALL}/filler`);
  });

  test("a map that does not fit is not left half made", async () => {
    const before = await freeSpace(SMALL);
    const error = await errorOf(FileMapStore.create(`${SMALL}/map`, 2 * MiB));
    assert.is(error.code, "DESTINATION_FULL");
    assert.is(await freeSpace(SMALL), before);
  });

  test("what is missing of a copy is compared with what is free when it is resumed", async () => {
    const content = patternBytes(1.5 * MiB);
    const source = new MemoryDevice(content, { identity: "full" });
    const begun = await hydrate(source, `${SMALL}/resumed`, { noHydration: true });
    await begun.hydrate({ ranges: [{ offset: 0, length: 0.75 * MiB }] });
    await begun.close();
    const filler = (await freeSpace(SMALL)) - 0.5 * MiB;
    await writeFile(`${SMALL}/filler`, new Uint8Array(filler));

    const error = await errorOf(hydrate(source, `${SMALL}/resumed`));
    assert.is(error.code, "DESTINATION_FULL");
    assert.match(
      error.message,
      new RegExp(`needs ${0.75 * MiB} more bytes, and .* has 5\\d+ free`),
    );
    const sparse = await hydrate(source, `${SMALL}/resumed`, { noHydration: true });
    assert.equal(await sparse.read(0, 9), content.slice(0, 9));
    await sparse.close();

    await rm(`${SMALL}/filler`);
    const whole = await hydrate(source, `${SMALL}/resumed`);
    await whole.hydrated();
    await whole.close();
    assert.equal(await readFile(`${SMALL}/resumed`), Buffer.from(content));
    for (const name of ["resumed", "resumed.headwater"]) await rm(`${SMALL}/${name}`);
  });

  test("what a copy already takes counts as there", async () => {
    const copy = await LocalCopy.open(`${SMALL}/file`);
    assert.is((await errorOf(copy.create({ size: 3 * MiB }))).code, "DESTINATION_FULL");
    await copy.create({ size: 1.5 * MiB });
    await copy.destination.write(0, [new Uint8Array(MiB)]);
    await copy.close();
    const found = await look(await namesOf(`${SMALL}/file`));
    const free = await freeSpace(SMALL);
    await checkSpace(found, free + MiB);
    const error = await errorOf(checkSpace(found, free + MiB + 1));
    assert.match(error.message, `needs ${free + 1} more bytes`);
    assert.match(error.message, `${free} free`);
  });
}

test.run();
