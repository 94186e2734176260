import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite } from "uvu";
import { nbd } from "../adapters/nbd/index.ts";
import { patternBytes, sourceConformance } from "../adapters/testing/index.ts";
import {
  makeFolder,
  type NbdServer,
  startNbdkit,
  startQemu,
  tellPause,
} from "./nbd-source-servers.ts";
import { findProgram } from "./programs.ts";

/** How each server is started for a file. */
const SERVERS: Readonly<
  Record<string, (folder: string, file: string) => Promise<NbdServer | undefined>>
> = {
  nbdkit: (folder, file) =>
    startNbdkit(folder, [
      "--filter=pause",
      "file",
      file,
      `pause-control=${join(folder, "control")}`,
    ]),
  "nbdkit with simple replies": (folder, file) => startNbdkit(folder, ["--no-sr", "file", file]),
  "nbdkit with the first newstyle handshake": (folder, file) =>
    startNbdkit(folder, ["--mask-handshake=0", "file", file]),
  "qemu-nbd": (folder, file) => startQemu(folder, ["--format=raw", file]),
  "qemu-nbd for several connections": (folder, file) =>
    startQemu(folder, ["--format=raw", "--shared=8", file]),
};

for (const [name, startServer] of Object.entries(SERVERS)) {
  const source = suite(`NBD source of ${name}`);
  const program = name.split(" ")[0] ?? "";
  if (findProgram(program) === undefined) source("is skipped", () => {});
  else {
    sourceConformance(source, {
      open: async (size) => {
        const { path, remove } = await makeFolder();
        const sectors = Math.ceil(size / 512) * 512; // qemu-nbd serves whole ones
        const bytes = patternBytes(program === "qemu-nbd" ? sectors : size);
        await writeFile(join(path, "file"), bytes);
        const server = await startServer(path, join(path, "file"));
        if (server === undefined) throw new Error("the server is gone");
        const control = join(path, "control");
        const hold = async () => {
          await tellPause(control, "p");
          return () => void tellPause(control, "r").catch(() => {}); // the server may be gone
        };
        return {
          bytes,
          device: await nbd(server.uri).open(),
          ...(name === "nbdkit" && { hold }),
          release: async () => {
            await server.kill();
            await remove();
          },
        };
      },
    });
  }
  source.run();
}
