import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { runProgram, stop, versionOf } from "./child.ts";

/** A program that copies a URL into a file. */
export interface Copier {
  readonly name: string;
  copy(url: string, path: string): Promise<void>;
}

export function curl(): Copier | undefined {
  if (versionOf("curl") === undefined) return undefined;
  return {
    name: "curl -o",
    copy: (url, path) => runProgram("curl", ["-sSf", "-o", path, url]),
  };
}

/** Sixteen connections, with the settings that were the fastest of those tried. */
export function aria2c(): Copier | undefined {
  if (versionOf("aria2c") === undefined) return undefined;
  const words = ["-q", "-x16", "-s16", "-k1M", "--file-allocation=falloc", "--no-conf"];
  return {
    name: "aria2c -x16",
    copy: (url, path) =>
      runProgram("aria2c", [...words, "-d", dirname(path), "-o", basename(path), url]),
  };
}

/** Sixteen streams, from the first MiB on. */
export function rclone(): Copier | undefined {
  if (versionOf("rclone", "version") === undefined) return undefined;
  const words = ["--multi-thread-streams=16", "--multi-thread-cutoff=1M", "--config="];
  return {
    name: "rclone, 16 streams",
    copy: (url, path) => {
      const { origin, pathname } = new URL(url);
      const from = `:http:${pathname.slice(1)}`;
      return runProgram("rclone", ["copyto", from, path, `--http-url=${origin}`, ...words]);
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function untilListening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      return;
    } catch {
      await sleep(20);
    } finally {
      socket.destroy();
    }
  }
  throw new Error("nginx does not listen");
}

export function nginxVersion(): string | undefined {
  return versionOf("nginx", "-v")?.replace("nginx version: ", "");
}

/** Serves a folder, as one process in the foreground. Whoever starts it disposes of it. */
export async function startNginx(
  folder: string,
  served: string,
): Promise<AsyncDisposable & { readonly base: string }> {
  const port = await freePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${join(folder, `nginx-${name}`)};`)
    .join(" ");
  const config = join(folder, "nginx.conf");
  await writeFile(
    config,
    `daemon off; master_process off; pid ${join(folder, "nginx.pid")}; error_log stderr crit;
     events { worker_connections 256; }
     http {
       access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; ${temporary}
       server { listen 127.0.0.1:${port}; root ${served}; }
     }`,
  );
  const child = spawn("nginx", ["-e", "stderr", "-c", config], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  await untilListening(port);
  return { base: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: () => stop(child) };
}
