import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import type { Report } from "./run.ts";

export interface Work {
  /** Holds `lib` and `test/simulation`, compiled. */
  readonly directory: string;
  readonly first: number;
  readonly count: number;
  /** From one seed to the next. Default 1. */
  readonly step?: number;
  /** It is ended after so long: a world that never gives up the thread is a divergence too. */
  readonly timeoutMs?: number;
  told?(report: Report): void;
}

/** Runs worlds in a process of their own. Returns what was told last. */
export function runWorlds(work: Work): Promise<Report> {
  const { directory, first, count, step = 1, timeoutMs, told } = work;
  const path = join(directory, "test", "simulation", "run.js");
  const child: ChildProcess = fork(path, [first, count, step].map(String), {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    execArgv: [],
  });
  let last: Report = { seed: first, done: 0, problem: "nothing was told" };
  let why: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  const wait = (): void => {
    clearTimeout(timer);
    if (timeoutMs === undefined) return;
    timer = setTimeout(() => {
      why = `no end after ${timeoutMs} ms`;
      child.kill("SIGKILL");
    }, timeoutMs);
  };
  wait();
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("message", (report: Report) => {
      wait();
      last = report;
      told?.(report);
    });
    child.on("exit", (code, signal) => {
      clearTimeout(timer);
      if (why === undefined && code !== 0) why = `ended with ${signal ?? `exit code ${code}`}`;
      resolve(why === undefined ? last : { ...last, problem: why });
    });
  });
}
