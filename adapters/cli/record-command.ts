import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { constants } from "node:os";
import { basename } from "node:path";
import { HeadwaterError, mergeTraces, messageOf, type Trace } from "../../lib/index.ts";
import { serveHttp } from "../serve-http/index.ts";
import { readTrace } from "./command-line.ts";
import { closesInTime, openClone } from "./copy-session.ts";
import { UsageError } from "./exit-codes.ts";
import { Interruption } from "./interruption.ts";
import { printable } from "./printable.ts";
import { formatBytes, formatCount } from "./quantities.ts";
import { parseRecordRequest, type RecordRequest } from "./record-request.ts";
import { silentReporter } from "./reporter.ts";

/** `headwater record <url> [file] -o TRACE -- <command>`: ends as the command does. */
export async function runRecord(args: readonly string[]): Promise<number> {
  const request = parseRecordRequest(args);
  const interruption = new Interruption();
  const clone = await openClone(request, silentReporter, interruption);
  try {
    clone.trace(); // from here on
    const server = await serveHttp({ [basename(request.file)]: clone });
    let exitCode: number;
    try {
      exitCode = await runProgram(request, server.url, interruption.signal);
    } finally {
      await server.close();
    }
    await save(request, clone.trace());
    return exitCode;
  } finally {
    await closesInTime(clone);
  }
}

/** Resolves to what a shell would say of its end. A signal to us goes on to it. */
function runProgram(
  { program, words }: RecordRequest,
  url: string,
  signal: AbortSignal,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      program,
      words.map((word) => word.replaceAll("{}", url)),
      { stdio: "inherit", env: { ...process.env, HEADWATER_URL: url } },
    );
    const end = (): void => {
      child.kill("SIGTERM");
    };
    if (signal.aborted) end();
    signal.addEventListener("abort", end, { once: true });
    child.once("error", (error) => {
      signal.removeEventListener("abort", end);
      const message = `"${printable(program)}" cannot be run: ${error.message}`;
      reject(new UsageError(message, { cause: error }));
    });
    child.once("close", (code, by) => {
      signal.removeEventListener("abort", end);
      resolve(code ?? 128 + (by === null ? 0 : constants.signals[by]));
    });
  });
}

async function save({ output, merge }: RecordRequest, recorded: Trace): Promise<void> {
  const trace = merge ? mergeTraces([readTrace("output", output), recorded]) : recorded;
  try {
    await writeFile(output, `${JSON.stringify(trace)}\n`);
  } catch (error) {
    const message = `the trace could not be written: ${messageOf(error)}`;
    throw new HeadwaterError("DESTINATION_FAILED", message, { cause: error });
  }
  const bytes = trace.ranges.reduce((sum, [, length]) => sum + length, 0);
  const count = formatCount(trace.ranges.length);
  process.stderr.write(
    `${printable(output)}: ${formatBytes(bytes)} of ${formatBytes(trace.size)}, ${count} ranges\n`,
  );
}
