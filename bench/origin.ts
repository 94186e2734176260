import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { request } from "undici";
import { stop } from "./child.ts";
import type { Bench } from "./report.ts";

export interface OriginOptions {
  /** Bytes of the file that are served. */
  readonly size: number;
  /** Before the first byte of each response. */
  readonly latencyMs?: number;
  /** Bytes per second; without limit by default. */
  readonly connectionRate?: number;
  readonly linkRate?: number;
}

/** What the origin received and sent, by its own count. */
export interface Counts {
  readonly requests: number;
  readonly bytes: number;
  readonly connections: number;
}

export interface Origin extends AsyncDisposable {
  /** Of the one blob, where there is one. */
  readonly url: string;
  readonly base: string;
  counts(): Promise<Counts>;
  reset(): Promise<void>;
}

const project = fileURLToPath(new URL("../../", import.meta.url));
let compiled: string | undefined;

/** The program that serves, with its first words: C where there is a compiler, else Node. */
function originProgram(folder: string): readonly [string, ...string[]] {
  if (compiled === undefined) {
    const binary = join(folder, "origin");
    const source = join(project, "bench", "origin", "origin.c");
    const { status } = spawnSync("cc", ["-O2", "-o", binary, source], { stdio: "ignore" });
    compiled = status === 0 ? binary : "";
  }
  if (compiled !== "") return [compiled];
  return [process.execPath, fileURLToPath(new URL("origin/node-origin.js", import.meta.url))];
}

/** What serves the bytes, for the record. */
export function originKind(folder: string): string {
  return originProgram(folder).length === 1 ? "C, one thread" : "Node (no C compiler found)";
}

async function portOf(child: ChildProcess): Promise<number> {
  if (child.stdout === null) throw new Error("the origin has no output");
  const lines = createInterface({ input: child.stdout });
  const [line] = (await Promise.race([
    once(lines, "line"),
    once(lines, "close").then(() => ["it ended"]),
  ])) as [string];
  const port = Number(/^port (\d+)$/.exec(line)?.[1]);
  if (!(port > 0)) throw new Error(`the origin did not start: ${line}`);
  return port;
}

/** An origin in a process of its own, on loopback. Whoever starts it disposes of it. */
export async function startOrigin(bench: Bench, options: OriginOptions): Promise<Origin> {
  const { size, latencyMs = 0, connectionRate = 0, linkRate = 0 } = options;
  const [program, ...words] = originProgram(bench.folder);
  const flags = Object.entries({ size, latencyMs, connectionRate, linkRate }).flatMap(
    ([name, value]) => [`--${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`, `${value}`],
  );
  const child = startProgram(program, [...words, bench.blob, ...flags]);
  const base = await baseOf(child);
  return { ...originAt(base, child), url: `${base}/blob.bin` };
}

/** A folder as an object store and as a web server that lists it: `origin/replica-origin.ts`. */
export async function startReplicaOrigin(folder: string, latencyMs: number): Promise<Origin> {
  const module = fileURLToPath(new URL("origin/replica-origin.js", import.meta.url));
  const child = startProgram(process.execPath, [module, folder, "--latency-ms", `${latencyMs}`]);
  return originAt(await baseOf(child), child);
}

/** It ends when its input ends, which our own end brings about whatever happens. */
function startProgram(program: string, words: readonly string[]): ChildProcess {
  return spawn(program, words, { stdio: ["pipe", "pipe", "inherit"] });
}

async function baseOf(child: ChildProcess): Promise<string> {
  return `http://127.0.0.1:${await portOf(child)}`;
}

function originAt(base: string, child: ChildProcess): Origin {
  const ask = async (path: string): Promise<Counts> => {
    const { body } = await request(`${base}${path}`);
    return (await body.json()) as Counts;
  };
  return {
    base,
    url: base,
    counts: () => ask("/__counts"),
    reset: async () => void (await ask("/__reset")),
    [Symbol.asyncDispose]: () => stop(child),
  };
}
