// A disk that hangs while the command ends, and a user who does not wait for it.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Command, makeFolder, runCommand } from "./cli-command.ts";
import { type OriginClient, startOrigin } from "./origin/client.ts";
import { findProgram } from "./programs.ts";

const test = suite("a second signal");
const SIZE = 4_000_000;

/**
 * In the process of the command: once `hang` exists, no flush ends, and signals are told. Where
 * there is a `fifo`, each flush is a call on the file system that hangs indeed.
 */
const HANGING_DISK = `
import fs, { existsSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
const { fdatasync } = fs;
fs.fdatasync = (fd, done) => {
  if (!existsSync("hang")) return fdatasync(fd, done);
  if (existsSync("fifo")) fs.open("fifo", "r", () => {});
  process.stderr.write("hanging\\n");
};
syncBuiltinESMExports();
let count = 0;
for (const name of ["SIGINT", "SIGTERM"]) {
  process.on(name, () => process.stderr.write(\`heard \${++count}\\n\`));
}
`;

type Ending = readonly [code: number | null, signal: NodeJS.Signals | null];

/** Sends these signals, the next one when the one before was heard. */
async function endBy(
  signals: readonly NodeJS.Signals[],
  makeFifo: (folder: string) => void = () => {},
): Promise<Ending> {
  await using origin = await startOrigin();
  const folder = makeFolder();
  try {
    const at = { cwd: folder.path };
    const url = origin.url(`/blob?size=${SIZE}&seed=7`);
    await origin.set("/blob", { bytesPerSecond: 200_000 });
    const preload = join(folder.path, "hanging-disk.mjs");
    writeFileSync(preload, HANGING_DISK);
    makeFifo(folder.path);
    const env = { NODE_OPTIONS: `--import ${pathToFileURL(preload)}` };
    const command = new Command([url, "copy", "--json"], { ...at, env });
    await command.until(/"percent":[1-9]/);
    writeFileSync(join(folder.path, "hang"), "");
    for (const [index, signal] of signals.entries()) {
      command.kill(signal);
      const heard = `heard ${index + 1}\\n`;
      if (index + 1 < signals.length) {
        await command.until(new RegExp(`${heard}[^]*hanging|hanging[^]*${heard}`));
      }
    }
    const result = await command.result;
    // A second signal does not wait until the time is over that a close is given.
    const isTold = result.json().some(({ event }) => event === "interrupted");
    assert.is(isTold, signals.length === 1, result.stderr);
    await checkRest(origin, url, folder.path);
    return [result.code, result.signal];
  } finally {
    folder.remove();
  }
}

/** The map can be believed, and the copy ends with the right bytes. */
async function checkRest(origin: OriginClient, url: string, cwd: string): Promise<void> {
  const check = await runCommand(["map", "--check", "copy"], { cwd });
  assert.is.not(check.code, 5, check.stdout.toString());
  await origin.set("/blob");
  const resumed = await runCommand([url, "copy", "--quiet"], { cwd });
  assert.is(resumed.code, 0, resumed.stderr);
  const copy = readFileSync(join(cwd, "copy"));
  assert.ok(copy.equals(origin.bytes(7, 0, SIZE)), "the copy has other bytes");
}

const PAIRS = [
  ["SIGINT", "SIGINT", 130],
  ["SIGINT", "SIGTERM", 143],
] as const;

for (const [first, second, exitCode] of PAIRS) {
  test(`${second} after ${first} ends it at once, and nothing is wrong`, async () => {
    assert.equal(await endBy([first, second]), [exitCode, null]);
  });
}

test("it ends at once, of the signal itself, where the disk hangs in the midst of a call", async () => {
  const mkfifo = findProgram("mkfifo");
  if (mkfifo === undefined) return;
  const makeFifo = (folder: string): void => {
    execFileSync(mkfifo, [join(folder, "fifo")]);
  };
  assert.equal(await endBy(["SIGINT", "SIGINT"], makeFifo), [null, "SIGINT"]);
  assert.equal(await endBy(["SIGTERM"], makeFifo), [null, "SIGTERM"]);
});

test.run();
