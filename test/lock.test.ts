import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, unlink, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FileLock } from "../adapters/file/lock.ts";
import {
  identifyProcess,
  isProvablyDead,
  lookUpProcess,
  type ProcessIdentity,
} from "../adapters/file/process-identity.ts";
import { isHeadwaterError } from "../lib/errors.ts";
import { race } from "./lock-racer.ts";

const test = suite("lock");

const RACER = fileURLToPath(new URL("lock-racer.js", import.meta.url));

const SELF: ProcessIdentity = {
  host: "here",
  machineId: "machine",
  bootId: "boot",
  pidNamespace: "pid:[1]",
  pid: 100,
  startTime: "5",
};
const ID = "0123456789abcdef";

/** Runs with an empty folder, which is gone afterwards. */
async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "headwater-lock-"));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function messageOf(locked: Promise<unknown>): Promise<string> {
  try {
    await locked;
  } catch (error) {
    if (isHeadwaterError(error, "LOCKED")) return error.message;
    throw error;
  }
  throw new Error("it was not locked");
}

function startRacer(folder: string, rounds: number): ChildProcess {
  const stdio = ["ignore", "pipe", "inherit"] as const;
  return spawn(process.execPath, [RACER, folder, String(rounds)], { stdio: [...stdio] });
}

test("it is held until it is released, and then nothing is left", () =>
  inFolder(async (folder) => {
    const lock = await FileLock.acquire(join(folder, "lock"));
    assert.equal(await readdir(folder), ["lock"]);
    await lock.release();
    await lock.release();
    assert.equal(await readdir(folder), []);
    await (await FileLock.acquire(join(folder, "lock"))).release();
  }));

test("it says who holds it", () =>
  inFolder(async (folder) => {
    const lock = await FileLock.acquire(join(folder, "lock"));
    const { id, ...holder } = JSON.parse(await readFile(lock.path, "utf8"));
    assert.match(id, /^[0-9a-f]{16}$/);
    assert.equal(holder, identifyProcess());
    assert.is(holder.pid, process.pid);
    assert.is(holder.host, hostname());
  }));

test("the same process does not get it twice", () =>
  inFolder(async (folder) => {
    const path = join(folder, "lock");
    await FileLock.acquire(path);
    assert.match(await messageOf(FileLock.acquire(path)), "this process has this copy open");
    assert.equal(await readdir(folder), ["lock"]);
  }));

test("another process that lives keeps it, and is named", () =>
  inFolder(async (folder) => {
    const path = join(folder, "lock");
    const child = spawn("sleep", ["60"]);
    const { startTime } = lookUpProcess(child.pid ?? 0) ?? { startTime: "" };
    const holder = { ...identifyProcess(), pid: child.pid, startTime, id: ID };
    await writeFile(path, JSON.stringify(holder));
    const message = await messageOf(FileLock.acquire(path));
    assert.match(message, `process ${child.pid} on host ${hostname()}`);
    assert.match(message, "close it there first");

    child.kill("SIGKILL");
    await once(child, "exit");
    await (await FileLock.acquire(path)).release();
    assert.equal(await readdir(folder), []);
  }));

test("another host keeps it, and the message says what to do", () =>
  inFolder(async (folder) => {
    const path = join(folder, "lock");
    const elsewhere = { ...identifyProcess(), host: "elsewhere", bootId: "b", machineId: "m" };
    await writeFile(path, JSON.stringify({ ...elsewhere, pid: 7, id: ID }));
    const message = await messageOf(FileLock.acquire(path));
    assert.match(message, "process 7 on host elsewhere");
    assert.match(message, `delete ${path}`);
  }));

test("what is not a lock is left alone", () =>
  inFolder(async (folder) => {
    const path = join(folder, "lock");
    const good = { ...identifyProcess(), startTime: "1", id: ID };
    const strange = ["", "{}", "null", "7", '{"pid":1', JSON.stringify({ ...good, id: "../../x" })];
    for (const content of strange) {
      await writeFile(path, content);
      assert.match(
        await messageOf(FileLock.acquire(path)),
        "not a lock that this release can read",
      );
      assert.is(await readFile(path, "utf8"), content);
    }
    await writeFile(path, JSON.stringify(good));
    await FileLock.acquire(path);
  }));

test("a lock that was removed by hand and taken by another is not released", () =>
  inFolder(async (folder) => {
    const path = join(folder, "lock");
    const first = await FileLock.acquire(path);
    await unlink(path);
    await FileLock.acquire(path);
    const content = await readFile(path, "utf8");
    await first.release();
    assert.is(await readFile(path, "utf8"), content);
  }));

test("a folder that is not there is an error of the destination", () =>
  inFolder(async (folder) => {
    try {
      await FileLock.acquire(join(folder, "none", "lock"));
      assert.unreachable();
    } catch (error) {
      assert.ok(isHeadwaterError(error, "DESTINATION_FAILED"));
    }
  }));

test("dead is only what provably is", () => {
  const alive = (startTime: string) => () => ({ startTime });
  const gone = () => undefined;
  const cases: readonly [string, Partial<ProcessIdentity>, () => object | undefined, boolean][] = [
    ["the pid runs since the same time", {}, alive("5"), false],
    ["no such pid", {}, gone, true],
    ["the pid is another process now", {}, alive("6"), true],
    ["its start is not known", { startTime: "" }, alive("6"), false],
    ["the start of what runs is not known", {}, alive(""), false],
    ["a boot ago", { bootId: "earlier" }, alive("5"), true],
    ["another host", { bootId: "b", host: "there", machineId: "m" }, gone, false],
    ["another host of the same name", { bootId: "b", machineId: "m" }, gone, false],
    ["another host from the same image", { bootId: "b", host: "there" }, gone, false],
    ["a boot that is not known", { bootId: "" }, gone, false],
    ["another container of this machine", { pidNamespace: "pid:[2]" }, gone, false],
    ["this machine under a former name", { host: "former" }, gone, true],
  ];
  for (const [name, other, lookUp, expected] of cases) {
    const found = isProvablyDead({ ...SELF, ...other }, SELF, lookUp as typeof lookUpProcess);
    assert.is(found, expected, name);
  }
});

test("without an id of the machine a boot proves nothing", () => {
  const self = { ...SELF, machineId: "" };
  assert.not(isProvablyDead({ ...self, bootId: "earlier" }, self));
});

test("where there is no id of a boot, host and process decide", () => {
  const self = { ...SELF, bootId: "", machineId: "", pidNamespace: "" };
  assert.ok(isProvablyDead({ ...self, pid: 7 }, self, () => undefined));
  assert.ok(isProvablyDead({ ...self, pid: 7 }, self, () => ({ startTime: "9" })));
  assert.not(isProvablyDead({ ...self, pid: 7 }, self, () => ({ startTime: "5" })));
  assert.not(isProvablyDead({ ...self, host: "there" }, self, () => undefined));
});

test("this process is found, and a zombie is not", async () => {
  assert.match(lookUpProcess(process.pid)?.startTime ?? "", /\d/);
  if (process.platform !== "linux") return;
  // The shell's child ends after the shell has become a program that never asks for it.
  const script = "head -c 1 <&3 >/dev/null & echo $!; exec sleep 60";
  const shell = spawn("sh", ["-c", script], { stdio: ["ignore", "pipe", "inherit", "pipe"] });
  try {
    const [, stdout, , gate] = shell.stdio;
    const [pid] = await once(stdout as Readable, "data");
    const name = (): string => readFileSync(`/proc/${shell.pid}/comm`, "utf8");
    while (name() !== "sleep\n") await new Promise(setImmediate);
    (gate as Writable).end("x");
    while (lookUpProcess(Number(pid)) !== undefined) await new Promise(setImmediate);
    assert.ok(process.kill(Number(pid), 0), "it is still there");
  } finally {
    shell.kill("SIGKILL");
    await once(shell, "exit");
  }
});

test("a process that died while it replaced a dead one's lock is replaced in turn", () =>
  inFolder(async (folder) => {
    const path = join(folder, "lock");
    const dead = { ...identifyProcess(), startTime: "1" };
    const [first, second, third] = ["1", "2", "3"].map((digit) => digit.repeat(16));
    await writeFile(path, JSON.stringify({ ...dead, id: first }));
    await writeFile(`${path}.${first}`, JSON.stringify({ ...dead, id: second }));
    await writeFile(`${path}.${first}.${second}`, JSON.stringify({ ...dead, id: third }));
    await FileLock.acquire(path);
    assert.equal(await readdir(folder), ["lock"]);
  }));

test("while a living process replaces it, it is locked", () =>
  inFolder(async (folder) => {
    const path = join(folder, "lock");
    const dead = JSON.stringify({ ...identifyProcess(), startTime: "1", id: ID });
    await writeFile(path, dead);
    const turn = await FileLock.acquire(`${path}.${ID}`);
    assert.match(await messageOf(FileLock.acquire(path)), `${path}: this process`);
    assert.is(await readFile(path, "utf8"), dead);
    await turn.release();
    await FileLock.acquire(path);
    assert.equal(await readdir(folder), ["lock"]);
  }));

test("whoever replaces a lock clears away what the dead left, and nothing else", () =>
  inFolder(async (folder) => {
    const path = join(folder, "lock");
    const [dead, alive] = [{ ...identifyProcess(), startTime: "1" }, identifyProcess()];
    const files: Record<string, unknown> = {
      lock: { ...dead, id: ID },
      [`lock.${"1".repeat(16)}`]: { ...dead, id: "2".repeat(16) },
      [`lock.${"2".repeat(16)}.draft`]: { ...dead, id: "2".repeat(16) },
      [`lock.${"3".repeat(16)}.draft`]: { ...alive, id: "3".repeat(16) },
      "lock.txt": "mine",
      lock2: { ...dead, id: "4".repeat(16) },
    };
    for (const [name, content] of Object.entries(files)) {
      await writeFile(join(folder, name), JSON.stringify(content));
    }
    await FileLock.acquire(path);
    const left = ["lock", `lock.${"3".repeat(16)}.draft`, "lock.txt", "lock2"];
    assert.equal((await readdir(folder)).sort(), left);
  }));

test("of many that race for a dead one's lock, one wins each time", () =>
  inFolder(async (folder) => {
    const racers = Array.from({ length: 12 }, () => race(folder, 80));
    const wins = await Promise.all(racers);
    assert.ok(wins.reduce((sum, count) => sum + count) >= 12, `wins: ${wins}`);
    await (await FileLock.acquire(join(folder, "lock"))).release();
    assert.equal(await readdir(folder), []);
  }));

test("nor do many processes ever win together", () =>
  inFolder(async (folder) => {
    const racers = Array.from({ length: 4 }, () => startRacer(folder, 120));
    const done = racers.map(async (racer) => {
      const [output, [code]] = await Promise.all([
        racer.stdout === null ? "" : text(racer.stdout),
        once(racer, "exit"),
      ]);
      assert.is(code, 0, "two had it, or a racer failed");
      return Number(output);
    });
    const wins = await Promise.all(done);
    assert.ok(wins.reduce((sum, count) => sum + count) >= 50, `wins: ${wins}`);
  }));

test("whoever is killed while it takes or holds the lock, the next one gets it", () =>
  inFolder(async (folder) => {
    for (let killed = 0; killed < 6; killed += 1) {
      const racers = [startRacer(folder, 1e6), startRacer(folder, 1e6)];
      const exits = racers.map((racer) => once(racer, "exit"));
      await waitForLock(folder);
      for (let reads = 0; reads < killed * 40; reads += 1) await readdir(folder);
      for (const racer of racers) {
        assert.is(racer.exitCode, null, "two had it, or a racer failed");
        racer.kill("SIGKILL");
      }
      await Promise.all(exits);
    }
    const lock = await FileLock.acquire(join(folder, "lock"));
    assert.match(await readFile(lock.path, "utf8"), `"pid": ${process.pid}`);
  }));

async function waitForLock(folder: string): Promise<void> {
  while (!(await readdir(folder)).includes("lock")) await new Promise(setImmediate);
}

test.run();
