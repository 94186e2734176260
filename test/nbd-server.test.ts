import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryDevice } from "../adapters/memory.ts";
import { serveNbd } from "../adapters/nbd/index.ts";
import { patternBytes } from "../adapters/testing/index.ts";
import { Clone } from "../lib/index.ts";
import { findProgram } from "./programs.ts";

const test = suite("NBD server");

const run = promisify(execFile);

test("nbdinfo finds the size, and what may be done", async () => {
  const nbdinfo = findProgram("nbdinfo");
  if (nbdinfo === undefined) return;
  const folder = await mkdtemp(join(tmpdir(), "headwater-nbd-"));
  try {
    const source = new MemoryDevice(patternBytes(1_000_000));
    await using clone = await Clone.open({ source, destination: new MemoryDevice(1_000_000) });
    await using server = await serveNbd(clone, { unix: join(folder, "socket") });
    const { stdout } = await run(nbdinfo, ["--json", server.uri], { timeout: 20_000 });
    const [found] = (JSON.parse(stdout) as { exports: Record<string, unknown>[] }).exports;
    assert.is(found?.["export-size"], 1_000_000);
    assert.is(found?.can_multi_conn, true);
    assert.equal(found?.contexts, ["base:allocation", "x-headwater:state"]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.run();
