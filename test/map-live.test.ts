// A map that another process saves all the time.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { inspectMap, readMap } from "../adapters/file/index.ts";
import { inFolder } from "./local-copy-files.ts";

const test = suite("a map that is being saved");

async function whileSaved(
  run: (path: string, saver: ChildProcess) => Promise<void>,
): Promise<void> {
  await inFolder(async (path) => {
    const program = fileURLToPath(new URL("./map-saver.js", import.meta.url));
    const saver = spawn(process.execPath, [program, path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(saver, "exit");
    try {
      if (saver.stdout === null) throw new Error("it has no stdout");
      await once(saver.stdout, "data");
      await run(path, saver);
    } finally {
      saver.kill("SIGKILL");
      await ended;
    }
  });
}

test("it is never mistaken for one that cannot be believed", () =>
  whileSaved(async (path, saver) => {
    let saves = 0;
    let last = 0;
    while (saves < 10) {
      const { verdict, findings, slots, lock } = await inspectMap(path);
      assert.is(verdict, "sound", JSON.stringify(findings));
      assert.equal([lock?.holder?.pid, lock?.isDead], [saver.pid, false]);
      const generation = slots?.slots[slots.believed ?? 0].map?.generation ?? 0;
      assert.ok(generation >= last, `generation ${generation} after ${last}`);
      if (generation > last) saves += 1;
      last = generation;
      assert.type((await readMap(path))?.believed, "number");
    }
  }));

test("after a kill one slot may be torn, and the other one is believed", () =>
  whileSaved(async (path, saver) => {
    saver.kill("SIGKILL");
    await once(saver, "exit");
    const { verdict, findings } = await inspectMap(path);
    assert.is.not(verdict, "untrusted", JSON.stringify(findings));
    assert.match(findings.map(({ message }) => message).join("\n"), "which runs no more");
  }));

test.run();
