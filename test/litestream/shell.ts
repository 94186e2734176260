import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Extension } from "./extension.ts";

export interface ShellOptions {
  /** The URL of the replica, as Litestream understands it. */
  readonly replica: string;
  /** Where the extension may put its log and what it buffers. */
  readonly folder: string;
  /** Writes go to the replica, at the latest when the shell is closed. */
  readonly writes?: boolean;
  /** The file that the extension hydrates. */
  readonly hydrateTo?: string;
  /** More of the environment: nothing of ours is passed on. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** A command line of SQLite into which the extension is loaded. */
export class LitestreamShell {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<unknown>;
  #output = "";
  #complaint = "";
  #asked = 0;
  #hasEnded = false;
  #wake: () => void = () => {};

  private constructor(extension: Extension, options: ShellOptions) {
    const child = spawn(extension.sqlite, ["-batch", "-bail", ":memory:"], {
      env: environmentOf(options),
    });
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#output += text;
      this.#wake();
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#complaint += text;
    });
    child.stdin.on("error", () => {}); // it has ended, which `ask` tells
    this.#child = child;
    this.#ended = once(child, "close").finally(() => {
      this.#hasEnded = true;
      this.#wake();
    });
  }

  /** Starts one, with the extension loaded and no database yet. */
  static async start(extension: Extension, options: ShellOptions): Promise<LitestreamShell> {
    const shell = new LitestreamShell(extension, options);
    await shell.ask(`.load ${extension.path}`);
    return shell;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Opens the database of the replica. */
  async connect(): Promise<void> {
    await this.ask(".open file:replica.db?vfs=litestream");
  }

  /** What a statement or a command prints. Rejects when it fails, which ends the shell too. */
  async ask(command: string): Promise<string> {
    this.#asked += 1;
    const mark = `answered ${this.#asked}\n`;
    this.#child.stdin.write(`${command}\n;\n.print ${mark}`);
    while (!this.#output.endsWith(mark)) {
      if (this.#hasEnded) {
        throw new Error(`${command.slice(0, 80)}: ${this.#complaint}${this.#output}`);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const answer = this.#output.slice(0, -mark.length);
    this.#output = "";
    return answer;
  }

  /** Ends it, and waits until what was written is in the replica. */
  async close(): Promise<void> {
    this.#child.stdin.end();
    await this.#ended;
    const { exitCode, signalCode } = this.#child;
    if (exitCode === 0 && this.#complaint === "") return;
    throw new Error(`it ended with ${exitCode ?? signalCode}: ${this.#complaint}`);
  }

  /** Ends it at once, whatever it is at. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}

/** The extension reads all its settings when it is loaded. */
export function environmentOf(options: ShellOptions): Record<string, string> {
  const { replica, folder, writes = false, hydrateTo, environment } = options;
  return {
    TMPDIR: folder,
    LITESTREAM_REPLICA_URL: replica,
    LITESTREAM_LOG_FILE: join(folder, "litestream.log"),
    ...(writes && { LITESTREAM_WRITE_ENABLED: "true", LITESTREAM_SYNC_INTERVAL: "100ms" }),
    ...(hydrateTo !== undefined && {
      LITESTREAM_HYDRATION_ENABLED: "true",
      LITESTREAM_HYDRATION_PATH: hydrateTo,
    }),
    ...environment,
  };
}

/** What statements print when they are run one after the other on the replica's newest state. */
export async function queryReplica(
  extension: Extension,
  options: ShellOptions,
  ...commands: readonly string[]
): Promise<readonly string[]> {
  await using shell = await LitestreamShell.start(extension, options);
  await shell.connect();
  const answers: string[] = [];
  for (const command of commands) answers.push(await shell.ask(command));
  await shell.close();
  return answers;
}
