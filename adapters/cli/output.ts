import { once } from "node:events";
import { styleText } from "node:util";
import { JsonReporter } from "./json-reporter.ts";
import { LineReporter } from "./line-reporter.ts";
import type { CellKind, Paint } from "./region-picture.ts";
import { type Reporter, silentReporter } from "./reporter.ts";
import { TerminalReporter } from "./terminal-reporter.ts";

const COLOURS: Readonly<Record<CellKind, Parameters<typeof styleText>[0]>> = {
  empty: "gray",
  earlier: "blue",
  background: "green",
  demand: "yellow",
};

/** Colours where `stream` is a terminal that wants them: `NO_COLOR` and its like are heard. */
export function paintFor(stream: NodeJS.WriteStream): Paint {
  return (kind, text) => styleText(COLOURS[kind], text, { stream });
}

/** Programs get JSON on stdout; people get stderr, drawn on where it is a terminal. */
export function chooseReporter(wanted: { json: boolean; quiet: boolean }): Reporter {
  const { stdout, stderr } = process;
  if (wanted.json) return new JsonReporter((line) => stdout.write(line));
  if (wanted.quiet) return silentReporter;
  if (stderr.isTTY && process.env.TERM !== "dumb") {
    return new TerminalReporter(stderr, paintFor(stderr));
  }
  return new LineReporter((line) => stderr.write(line));
}

let isReaderGone = false;

/**
 * To be called first of all. That nobody reads our output any more, as when it is piped into
 * `head`, is no failure of ours; another failure of it is.
 */
export function tolerateClosedOutput(): void {
  process.stdout.on("error", (error) => {
    if (!isBrokenPipe(error)) throw error;
    isReaderGone = true;
  });
}

/** Writes to stdout no faster than it is read. False when nobody reads it any more. */
export async function writeOut(bytes: Uint8Array | string): Promise<boolean> {
  try {
    if (!isReaderGone && !process.stdout.write(bytes)) await once(process.stdout, "drain");
  } catch (error) {
    if (!isBrokenPipe(error)) throw error;
  }
  return !isReaderGone;
}

function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EPIPE";
}

/** Over what was drawn before, where there is a terminal to draw on. */
export function draw(line: string): void {
  if (!process.stderr.isTTY || process.env.TERM === "dumb") return;
  process.stderr.write(`\r${line}\x1b[K`);
}
