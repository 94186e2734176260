// `npm test`, and `npm test -- http` for the files whose name contains "http".
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { checkCount } from "../lib/assert.ts";
import { runTests } from "./runner.ts";

const { JOBS = "2", TEST_TIMEOUT_MS = "120000" } = process.env;

const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort());
process.once("SIGTERM", () => interrupted.abort());

const { passed, failed, skipped } = await runTests({
  directory: dirname(fileURLToPath(import.meta.url)),
  filters: process.argv.slice(2),
  jobs: checkCount("JOBS", Number(JOBS)),
  timeoutMs: checkCount("TEST_TIMEOUT_MS", Number(TEST_TIMEOUT_MS)),
  signal: interrupted.signal,
});

if (passed + failed + skipped === 0) console.log("no test file was found");
console.log(`${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`);
process.exitCode = failed > 0 || passed === 0 || interrupted.signal.aborted ? 1 : 0;
