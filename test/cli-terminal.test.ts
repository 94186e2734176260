import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MAIN, makeFolder } from "./cli-command.ts";
import { startOrigin } from "./origin/client.ts";
import { findProgram } from "./programs.ts";

const test = suite("the command on a terminal");
const SIZE = 3_000_000;

/** Runs the command on a pseudo terminal, and resolves with all that it wrote there. */
async function onTerminal(env: Readonly<Record<string, string>>): Promise<string | undefined> {
  const script = findProgram("script");
  if (script === undefined) return undefined;
  await using origin = await startOrigin({ bytesPerSecond: 1_000_000 });
  const folder = makeFolder();
  try {
    const url = origin.url(`/blob?size=${SIZE}&seed=7`);
    const command = `stty cols 70; '${process.execPath}' '${MAIN}' '${url}' copy`;
    // What the environment says of colours must be what the test says.
    const { NO_COLOR: _, FORCE_COLOR: __, CI: ___, ...rest } = process.env;
    const { stdout } = await promisify(execFile)(script, ["-qefc", command, "/dev/null"], {
      cwd: folder.path,
      env: { ...rest, TERM: "xterm", SHELL: "/bin/sh", ...env },
    });
    const copy = readFileSync(join(folder.path, "copy"));
    assert.ok(copy.equals(origin.bytes(7, 0, SIZE)), "the copy has other bytes");
    return stdout;
  } finally {
    folder.remove();
  }
}

test("the block is drawn in place and in colours, up to the last byte", async () => {
  const shown = await onTerminal({});
  if (shown === undefined) return;
  assert.match(shown, /copy {2}\d+\.\d % {2}.* of 2\.9 MiB/);
  assert.match(shown, "\x1b[3A"); // three lines up
  assert.match(shown, "\x1b[32m█"); // in the background: green
  assert.match(shown, "\x1b[33m█"); // what opening brought
  assert.match(shown, /copy {2}100\.0 %/);
  assert.match(shown, /copy is whole: 2\.9 MiB fetched in \d+ requests/);
});

test("NO_COLOR takes the colours and leaves the picture", async () => {
  const shown = await onTerminal({ NO_COLOR: "1" });
  if (shown === undefined) return;
  assert.match(shown, /▕█{67}▏/);
  assert.not.match(shown, "\x1b[32m");
});

test("a terminal that cannot draw gets lines", async () => {
  const shown = await onTerminal({ TERM: "dumb" });
  if (shown === undefined) return;
  assert.not.match(shown, "\x1b");
  assert.match(shown, "copy is whole");
});

test.run();
