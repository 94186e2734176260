// Loaded into every thread of a process: its connection's thread dies before a change of its files.

import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { isMainThread } from "node:worker_threads";
import { replace } from "../ltx-kill/death.ts";

/** What changes a file or a folder, of all that a connection's thread calls. */
const CHANGES = ["fsyncSync", "ftruncateSync", "unlinkSync", "writeSync"];

const step = Number(process.env.THREAD_STEP);
let changes = 0;
if (!isMainThread && Number.isInteger(step)) {
  replace(fs, CHANGES, () => {
    changes += 1;
    if (changes === step) process.kill(process.pid, "SIGKILL");
  });
  syncBuiltinESMExports();
  if (step === 0) process.on("exit", () => fs.writeSync(1, `changes ${changes}\n`));
}
