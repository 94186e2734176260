import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** Runs a program to its end, without a shell. Rejects with what it complained about. */
export async function runProgram(program: string, words: readonly string[]): Promise<void> {
  const child = spawn(program, words, { stdio: ["ignore", "ignore", "pipe"] });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint += text;
  });
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${complaint.trim()}`);
}

/** Starts a compiled module of this folder in a Node of its own. */
export function startModule(
  name: string,
  words: readonly string[],
  input: "ignore" | "pipe" = "ignore",
): ChildProcess {
  const path = new URL(name, import.meta.url).pathname;
  return spawn(process.execPath, [path, ...words], { stdio: [input, "pipe", "inherit"] });
}

/** The same, to its end: the JSON that it printed. */
export function runModule(name: string, options: object): Promise<unknown> {
  return printedBy(startModule(name, [JSON.stringify(options)]), name);
}

/** Debian's Python 3: others are often built without extensions of SQLite. */
export const PYTHON = "/usr/bin/python3";

/** Python with a file of the folder of benchmarks, to its end: the JSON that it printed. */
export function runPython(
  name: string,
  options: object,
  env: Readonly<Record<string, string>>,
): Promise<unknown> {
  const path = fileURLToPath(new URL(`../../bench/${name}`, import.meta.url));
  const words = [path, JSON.stringify(options)];
  return printedBy(spawn(PYTHON, words, { env, stdio: ["ignore", "pipe", "inherit"] }), name);
}

async function printedBy(child: ChildProcess, name: string): Promise<unknown> {
  let printed = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`${name} ended with ${code}`);
  return JSON.parse(printed);
}

/** The first line that a program prints about itself, or undefined where it is not installed. */
export function versionOf(program: string, flag = "--version"): string | undefined {
  const { status, stdout, stderr } = spawnSync(program, [flag], { encoding: "utf8" });
  if (status !== 0) return undefined;
  return `${stdout}${stderr}`.split("\n", 1)[0]?.trim();
}

/** Ends a process that we started and waits until it has ended. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}
