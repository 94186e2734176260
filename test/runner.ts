import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join, relative, sep } from "node:path";

export interface RunOptions {
  /** Every `*.test.js` below it is a test file. */
  directory: string;
  /** Only files whose name contains one of these; none is all. */
  filters?: readonly string[];
  /** Files run at once. */
  jobs?: number;
  /** For each file. */
  timeoutMs?: number;
  print?: (line: string) => void;
  /** Ends the run: what is under way is killed. */
  signal?: AbortSignal;
}

export interface RunResult {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** What one test file came to. */
interface FileResult extends RunResult {
  /** Why the file failed, beyond its tests. */
  readonly problem: string | undefined;
  readonly reasons: readonly string[];
  readonly output: string;
  readonly elapsedMs: number;
}

/**
 * Runs each test file in a process of its own and prints a line for it, with its whole output
 * where it failed. uvu alone would pass a file that has no tests, that forgot to run them or whose
 * hook threw, and would wait for ever for one that never ends; here each of these fails.
 */
export async function runTests(options: RunOptions): Promise<RunResult> {
  const { directory, filters = [], jobs = 2, timeoutMs = 120_000, signal } = options;
  const { print = console.log } = options;
  const files = testFiles(directory).filter(
    (name) => filters.length === 0 || filters.some((filter) => name.includes(filter)),
  );
  const results: FileResult[] = [];

  const queue = files.values();
  const worker = async (): Promise<void> => {
    for (const name of queue) {
      if (signal?.aborted) return;
      const result = await runFile(join(directory, name), timeoutMs, signal);
      results.push(result);
      report(name, result, print);
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));

  const sum = (count: (result: FileResult) => number): number =>
    results.reduce((total, result) => total + count(result), 0);
  return {
    passed: sum(({ passed }) => passed),
    failed: sum(({ failed }) => failed),
    skipped: sum(({ skipped }) => skipped),
  };
}

function testFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".test.js"))
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .sort();
}

function runFile(path: string, timeoutMs: number, signal?: AbortSignal): Promise<FileResult> {
  const start = performance.now();
  // A group of its own, so that whatever the file leaves running ends with it.
  const child = spawn(process.execPath, ["--enable-source-maps", path], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: plainEnvironment(),
  });
  const pieces: Buffer[] = [];
  child.stdout.on("data", (piece: Buffer) => pieces.push(piece));
  child.stderr.on("data", (piece: Buffer) => pieces.push(piece));

  let killed: string | undefined;
  const kill = (why: string): void => {
    killed ??= why;
    killGroup(child);
  };
  const interrupt = (): void => kill("interrupted");
  signal?.addEventListener("abort", interrupt, { once: true });
  const timer = setTimeout(() => kill(`killed after ${timeoutMs / 1000} s`), timeoutMs);

  return new Promise((resolve) => {
    child.on("error", (error) => kill(`did not start: ${error.message}`));
    // "close" waits for everybody who holds the pipes, and a server left behind would hold them.
    child.on("exit", () => killGroup(child));
    child.on("close", (code, how) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", interrupt);
      const end = code === 0 ? undefined : `ended with ${how ?? `exit code ${code}`}`;
      const output = Buffer.concat(pieces).toString();
      resolve(judge(output, killed ?? end, performance.now() - start));
    });
  });
}

/** Without colours, which would hide uvu's totals from us, and without what a debugger adds. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const { FORCE_COLOR, NODE_OPTIONS, ...environment } = process.env;
  return environment;
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // It has ended already, and left nothing behind.
  }
}

function judge(output: string, end: string | undefined, elapsedMs: number): FileResult {
  const totals = [
    ...output.matchAll(/^ {2}Total: +(\d+)\n {2}Passed: +(\d+)\n {2}Skipped: +(\d+)$/gm),
  ];
  const reasons = [...output.matchAll(/\bskipped: (.+)$/gm)].map(([, reason = ""]) => reason);
  const [, total = 0, passed = 0, omitted = 0] = (totals[0] ?? []).map(Number);

  let problem = end;
  if (totals.length === 0) problem ??= "ran no tests: is test.run() missing?";
  if (totals.length > 1) problem ??= "ran more than once";
  if (total === 0) problem ??= "ran no tests";
  if (omitted > 0) problem ??= 'leaves tests out by skip or only: print "skipped: why" and return';
  if (passed < total) problem ??= "a hook failed";

  const failed = Math.max(total - passed, problem === undefined ? 0 : 1);
  const skipped = Math.min(reasons.length, passed);
  return { passed: passed - skipped, failed, skipped, problem, reasons, output, elapsedMs };
}

function report(name: string, result: FileResult, print: (line: string) => void): void {
  const { passed, failed, problem, reasons, output, elapsedMs } = result;
  const counts = failed === 0 ? `${passed} passed` : `${passed} passed, ${failed} failed`;
  print(
    `${failed === 0 ? "ok  " : "FAIL"} ${name}: ${counts} (${(elapsedMs / 1000).toFixed(1)} s)`,
  );
  for (const reason of reasons) print(`     skipped: ${reason}`);
  if (problem === undefined) return;
  print(output.trimEnd());
  print(`     ${name}: ${problem}`);
}
