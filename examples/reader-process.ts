import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { ReaderMessage } from "./demo-reader.ts";

type Event = ReaderMessage["event"];
type Told<Name extends Event> = Extract<ReaderMessage, { event: Name }>;

/** What a process of the demo told before its end. */
export class ReaderReport {
  readonly wasKilled: boolean;
  readonly #last: ReadonlyMap<Event, ReaderMessage>;

  constructor(last: ReadonlyMap<Event, ReaderMessage>, wasKilled: boolean) {
    this.#last = last;
    this.wasKilled = wasKilled;
  }

  /** The last message of this name; undefined when there was none. */
  find<Name extends Event>(event: Name): Told<Name> | undefined {
    const message = this.#last.get(event);
    return message?.event === event ? (message as Told<Name>) : undefined;
  }

  /** @throws {Error} when there was none. */
  get<Name extends Event>(event: Name): Told<Name> {
    const message = this.find(event);
    if (message === undefined) throw new Error(`the process ended before it was "${event}"`);
    return message;
  }
}

/**
 * Runs a process that uses Headwater to its end. One that asks is killed with -9 as soon as it
 * tells that a part of the file is safe.
 */
export async function runReader(
  url: string,
  file: string,
  task: "ask" | "resume",
): Promise<ReaderReport> {
  const program = fileURLToPath(new URL("./demo-reader.js", import.meta.url));
  const child = fork(program, [url, file, task]);
  const last = new Map<Event, ReaderMessage>();
  child.on("message", (message: ReaderMessage) => {
    last.set(message.event, message);
    if (message.event === "flushed") child.kill("SIGKILL");
  });
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  if (signal !== "SIGKILL" && code !== 0) throw new Error(`the process ended with ${code}`);
  return new ReaderReport(last, signal === "SIGKILL");
}
