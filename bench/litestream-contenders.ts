import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type { ReplicaLayout } from "../adapters/ltx/index.ts";
import type { Extension } from "../test/litestream/extension.ts";
import { LitestreamShell } from "../test/litestream/shell.ts";
import { startModule, stop } from "./child.ts";
import type { LitestreamOrder } from "./litestream-child.ts";
import { BUCKET } from "./litestream-replica.ts";
import type { Origin } from "./origin.ts";

/** A replica as each of the two is told of it. */
export interface ReplicaPlace {
  readonly ours: string;
  readonly layout: ReplicaLayout;
  readonly theirs: string;
}

/** Where both find what `startReplicaOrigin` serves: theirs takes it for an S3 of its own. */
export function placeInStore({ base }: Origin): ReplicaPlace {
  const query = { endpoint: base, forcePathStyle: "true", region: "us-east-1" };
  const theirs = `s3://${BUCKET}?${new URLSearchParams(query)}`;
  return { ours: `${base}/${BUCKET}`, layout: "s3", theirs };
}

/** Who Litestream says it is, to a store that does not care. */
export const THEIR_IDENTITY: Readonly<Record<string, string>> = {
  AWS_ACCESS_KEY_ID: "id",
  AWS_SECRET_ACCESS_KEY: "secret",
  AWS_EC2_METADATA_DISABLED: "true",
};

/** The table of which the first row is read. */
export interface FirstTable {
  readonly name: string;
  readonly root: number;
}

/** What a process has come to. */
export interface Finish {
  /** The largest resident size that it has had. */
  readonly peakBytes: number;
  /** Of all rows of the database, where it can read them. */
  readonly rowsHash?: string;
}

/** A process that has loaded what it needs, and then opens a replica while it is hydrated. */
export interface Contender extends AsyncDisposable {
  open(): Promise<void>;
  /** Resolves when the database is local. */
  hydrated(): Promise<void>;
  readFirstRow(table: FirstTable): Promise<void>;
  /** Ends its work. */
  finish(): Promise<Finish>;
}

/** How long until it is asked again whether it is hydrated: it does not say so by itself. */
const POLL_MS = 2;
/** It says 0 for ever after some failures. */
const HYDRATION_TIMEOUT_MS = 120_000;

/** Not a number where the system does not tell. */
function peakOf(pid: number | undefined): number {
  const path = `/proc/${pid}/status`;
  const status = existsSync(path) ? readFileSync(path, "utf8") : "";
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** Headwater, in a process of its own. */
export class Ours implements Contender {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess, lines: Interface) {
    this.#child = child;
    this.#lines = lines[Symbol.asyncIterator]();
  }

  static async start({ ours: replica, layout }: ReplicaPlace, path: string): Promise<Ours> {
    const order: LitestreamOrder = { replica, layout, path };
    const child = startModule("litestream-child.js", [JSON.stringify(order)], "pipe");
    if (child.stdout === null) throw new Error("the child has no output");
    const started = new Ours(child, createInterface({ input: child.stdout }));
    await started.#answer("ready");
    return started;
  }

  /** What it holds before it has opened anything. */
  get peakBytes(): number {
    return peakOf(this.#child.pid);
  }

  open(): Promise<void> {
    return this.#tell("open");
  }

  hydrated(): Promise<void> {
    return this.#tell("hydrated");
  }

  readFirstRow({ root }: FirstTable): Promise<void> {
    return this.#tell(`row ${root}`);
  }

  async finish(): Promise<Finish> {
    await this.#tell("close");
    return { peakBytes: this.peakBytes };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return stop(this.#child);
  }

  async #tell(line: string): Promise<void> {
    this.#child.stdin?.write(`${line}\n`);
    await this.#answer(line.split(" ", 1)[0] ?? "");
  }

  async #answer(expected: string): Promise<void> {
    const { value } = await this.#lines.next();
    if (value !== expected) throw new Error(`the child said ${value}, not ${expected}`);
  }
}

/** The Litestream extension, in a command line of SQLite. */
export class Theirs implements Contender {
  readonly #shell: LitestreamShell;

  private constructor(shell: LitestreamShell) {
    this.#shell = shell;
  }

  static async start(
    extension: Extension,
    { theirs: replica }: ReplicaPlace,
    path: string,
  ): Promise<Theirs> {
    const place = { replica, folder: dirname(path), hydrateTo: path };
    const options = { ...place, environment: THEIR_IDENTITY };
    return new Theirs(await LitestreamShell.start(extension, options));
  }

  open(): Promise<void> {
    return this.#shell.connect();
  }

  async hydrated(): Promise<void> {
    const question = "pragma litestream_hydration_progress;";
    const deadline = performance.now() + HYDRATION_TIMEOUT_MS;
    while ((await this.#shell.ask(question)).trim() !== "100.0") {
      if (performance.now() > deadline) throw new Error("Litestream does not come to an end");
      await sleep(POLL_MS);
    }
  }

  async readFirstRow({ name }: FirstTable): Promise<void> {
    await this.#shell.ask(`select * from "${name.replaceAll('"', '""')}" limit 1;`);
  }

  async finish(): Promise<Finish> {
    const rowsHash = (await this.#shell.ask(".sha3sum")).trim();
    return { peakBytes: peakOf(this.#shell.pid), rowsHash };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#shell[Symbol.asyncDispose]();
  }
}
