import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findProgram } from "./programs.ts";

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  listener.close();
  await once(listener, "close");
  return port;
}

/**
 * Starts nginx, with files of its own in a new folder in `folder`. Undefined where it is not
 * installed.
 *
 * @param server the directives of its server, `http` those beside it.
 */
export async function startNginx(
  folder: string,
  server: string,
  http = "",
): Promise<{ url: string; stop(): Promise<void> } | undefined> {
  const program = findProgram("nginx");
  if (program === undefined) return undefined;
  const port = await freePort();
  const own = join(folder, "nginx");
  await mkdir(own);
  const places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${own}/${name};`)
    .join(" ");
  const configuration = `
    daemon off; master_process off; pid ${own}/pid; error_log stderr;
    events {}
    http {
      access_log off; ${places} ${http}
      server { listen 127.0.0.1:${port}; ${server} }
    }`;
  await writeFile(join(own, "conf"), configuration);
  const child = spawn(program, ["-c", join(own, "conf"), "-p", own, "-e", "stderr"]);
  let output = "";
  child.stderr.on("data", (piece: Buffer) => {
    output += piece.toString();
  });
  for (let tries = 0; !(await accepts(port)); tries += 1) {
    if (child.exitCode !== null || tries > 400) throw new Error(`nginx did not start: ${output}`);
    await sleep(20);
  }
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
