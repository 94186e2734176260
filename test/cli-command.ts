import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const MAIN: string = fileURLToPath(new URL("../adapters/cli/main.js", import.meta.url));

/** How a run of the command ended. */
export interface CommandResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
  /** The lines of stdout, each as JSON. */
  json(): Record<string, unknown>[];
}

export interface CommandOptions {
  /** The folder that it runs in. */
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Of the user that it runs as. */
  readonly uid?: number;
  /** What is on stdin. Default: nothing. */
  readonly input?: string;
}

/** A run of `headwater` that is under way. */
export class Command {
  readonly result: Promise<CommandResult>;
  readonly #child: ChildProcess;
  #stdout: Buffer = Buffer.alloc(0);
  #stderr = "";

  constructor(args: readonly string[], { cwd, env = {}, uid, input }: CommandOptions) {
    const child = spawn(process.execPath, [MAIN, ...args], {
      cwd,
      env: { ...process.env, ...env },
      stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      ...(uid !== undefined && { uid, gid: uid }),
    });
    child.stdin?.end(input);
    child.stdout?.on("data", (piece: Buffer) => {
      this.#stdout = Buffer.concat([this.#stdout, piece]);
    });
    child.stderr?.on("data", (piece: Buffer) => {
      this.#stderr += piece.toString();
    });
    this.#child = child;
    this.result = once(child, "close").then(([code, signal]) => ({
      code,
      signal,
      stdout: this.#stdout,
      stderr: this.#stderr,
      json: () => linesOf(this.#stdout),
    }));
  }

  /** Resolves once this is in stdout or stderr. */
  async until(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.#stderr) && !pattern.test(this.#stdout.toString())) {
      if (this.#child.exitCode !== null) throw new Error(`it ended without ${pattern}`);
      const { stdout, stderr } = this.#child;
      if (stdout === null || stderr === null) throw new Error("it has no output");
      await Promise.race([once(stdout, "data"), once(stderr, "data"), once(this.#child, "exit")]);
    }
  }

  /** The same, with what was matched. */
  async match(pattern: RegExp): Promise<readonly string[]> {
    await this.until(pattern);
    return pattern.exec(this.#stdout.toString()) ?? pattern.exec(this.#stderr) ?? [];
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

/** Runs `headwater` to its end. */
export function runCommand(
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  return new Command(args, options).result;
}

function linesOf(stdout: Buffer): Record<string, unknown>[] {
  const lines = stdout.toString().split("\n");
  if (lines.pop() !== "") throw new Error("the last line has no end");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** A new folder, removed by whoever disposes of it. */
export function makeFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "headwater-cli-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
