import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findProgram } from "./programs.ts";

/** A server that does not listen after so long never will. */
const START_MS = 20_000;

/** A server that was started for a test, in its own process. */
export interface NbdServer {
  readonly uri: string;
  /** At once, with every connection. Its socket can be listened on again. */
  kill(): Promise<void>;
}

/** A folder that a test puts its files and sockets into. */
export async function makeFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "headwater-nbd-"));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/**
 * Starts nbdkit on the socket `nbd` of the folder.
 *
 * @returns undefined where it is not installed, or lacks a plugin or filter that is named.
 */
export async function startNbdkit(
  folder: string,
  args: readonly string[],
  exportName = "",
): Promise<NbdServer | undefined> {
  const program = findProgram("nbdkit");
  if (program === undefined) return undefined;
  const socket = join(folder, "nbd");
  const pidFile = join(folder, "nbdkit.pid");
  await rm(pidFile, { force: true });
  const own = ["--foreground", "--exit-with-parent", "--pidfile", pidFile];
  const where = args.includes("-p") ? [] : ["--unix", socket];
  const child = start(program, [...own, ...where, ...args]);
  await listening(child, pidFile);
  return server(child, `nbd+unix:///${exportName}?socket=${socket}`, socket);
}

/** Starts qemu-nbd on the socket `nbd` of the folder, read-only. */
export async function startQemu(
  folder: string,
  args: readonly string[],
): Promise<NbdServer | undefined> {
  const program = findProgram("qemu-nbd");
  if (program === undefined) return undefined;
  const socket = join(folder, "nbd");
  const pidFile = join(folder, "qemu.pid");
  await rm(pidFile, { force: true });
  const own = ["--persistent", "--read-only", "--socket", socket, "--pid-file", pidFile];
  const child = start(program, [...own, ...args]);
  await listening(child, pidFile);
  return server(child, `nbd+unix:///?socket=${socket}`, socket);
}

/** Sends one letter to nbdkit's pause filter, and waits for its answer. */
export async function tellPause(control: string, letter: "p" | "r"): Promise<void> {
  const socket = connect(control);
  socket.write(letter);
  await once(socket, "data");
  socket.destroy();
}

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  listener.close();
  await once(listener, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

interface Started {
  readonly process: ChildProcess;
  readonly output: () => string;
}

function start(program: string, args: readonly string[]): Started {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (piece: Buffer) => {
      output = (output + piece.toString()).slice(-4000);
    });
  }
  return { process: child, output: () => output };
}

async function listening({ process, output }: Started, pidFile: string): Promise<void> {
  const deadline = performance.now() + START_MS;
  while (!existsSync(pidFile)) {
    if (process.exitCode !== null) throw new Error(`the server did not start: ${output()}`);
    if (performance.now() > deadline) throw new Error("the server does not listen");
    await sleep(5);
  }
}

function server({ process }: Started, uri: string, socket: string): NbdServer {
  return {
    uri,
    kill: async () => {
      if (process.exitCode === null && process.signalCode === null) {
        process.kill("SIGKILL");
        await once(process, "exit");
      }
      await rm(socket, { force: true });
    },
  };
}
