import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileDevice } from "../../adapters/file/index.ts";
import { type NbdServer, type NbdServerOptions, serveNbd } from "../../adapters/nbd/index.ts";
import { Clone, type CloneOptions } from "../../lib/index.ts";

/** A program that takes longer hangs. */
const PROGRAM_MS = 60_000;

/** A clone of some bytes in a file, served on a Unix socket in a folder of its own. */
export interface ServedFile extends AsyncDisposable {
  readonly folder: string;
  readonly clone: Clone;
  readonly server: NbdServer;
  readonly uri: string;
}

export async function serveFile(
  content: Uint8Array,
  cloneOptions: Partial<CloneOptions> = {},
  serverOptions: Partial<NbdServerOptions> = {},
): Promise<ServedFile> {
  const folder = await mkdtemp(join(tmpdir(), "headwater-nbd-"));
  const path = join(folder, "source");
  await writeFile(path, content);
  const source = cloneOptions.source ?? (await FileDevice.open(path));
  const destination = await FileDevice.create(join(folder, "copy"), content.length);
  const clone = await Clone.open({ ...cloneOptions, source, destination });
  const server = await serveNbd(clone, { unix: join(folder, "socket"), ...serverOptions });
  return {
    folder,
    clone,
    server,
    uri: server.uri,
    [Symbol.asyncDispose]: async () => {
      await server.close();
      await clone.close();
      await source.close();
      await destination.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** What a program wrote to stdout; rejects, with what it wrote to stderr, when it fails. */
export function run(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const all = { ...options, timeout: PROGRAM_MS, maxBuffer: 2 ** 26 };
    execFile(program, args, { ...all, killSignal: "SIGKILL" }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${program} ${args.join(" ")}: ${error.message}\n${stdout}${stderr}`));
    });
  });
}
