import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { OriginCounts } from "./origin.ts";

export interface ServeOptions {
  /** Before each answer. */
  readonly latencyMs?: number;
  /** Of all answers together. Default: no limit. */
  readonly bytesPerSecond?: number;
}

export interface ServedFile extends AsyncDisposable {
  readonly url: string;
  counts(): Promise<OriginCounts>;
  close(): Promise<void>;
}

/** Serves a file from a process of its own, on this machine only. Whoever starts it closes it. */
export async function serveFile(path: string, options: ServeOptions = {}): Promise<ServedFile> {
  const { latencyMs = 0, bytesPerSecond = 0 } = options;
  const child = fork(fileURLToPath(new URL("./origin.js", import.meta.url)), [
    path,
    `--latency-ms=${latencyMs}`,
    `--bytes-per-second=${bytesPerSecond}`,
  ]);
  const ended = once(child, "exit");
  const [url] = (await Promise.race([once(child, "message"), ended])) as [unknown];
  if (typeof url !== "string") throw new Error(`the origin did not start: exit ${url}`);
  const close = async (): Promise<void> => {
    if (child.connected) child.disconnect();
    await ended;
  };
  return {
    url,
    counts: async () => {
      const answer = once(child, "message");
      child.send("counts");
      const [counts] = (await answer) as [OriginCounts];
      return counts;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
