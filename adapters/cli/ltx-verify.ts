import { createReadStream, statSync } from "node:fs";
import { parseArgs } from "node:util";
import { isHeadwaterError, messageOf } from "../../lib/index.ts";
import {
  assemble,
  listReplica,
  type ObjectSource,
  type ReplicaFile,
  replicaOrigin,
  verifyLtx,
} from "../ltx/index.ts";
import { takePositionals, understand } from "./command-line.ts";
import { EXIT } from "./exit-codes.ts";
import { Interruption } from "./interruption.ts";
import { parseLayout, parseReplica, type ReplicaValues, replicaAccessFrom } from "./ltx-replica.ts";
import { inFlags, JSON_OPTION, REPLICA_OPTIONS, SOURCE_OPTIONS } from "./options.ts";
import { printable } from "./printable.ts";
import { formatBytes, formatCount } from "./quantities.ts";

/** Files that are read at once. */
const AT_ONCE = 4;

interface Verdict {
  readonly name: string;
  readonly files: number;
  readonly bytes: number;
  /** What is wrong with which file; without one, with the replica as a whole. */
  readonly problems: readonly { readonly file: string | undefined; readonly problem: string }[];
}

const { at: _, ...OPTIONS } = { ...REPLICA_OPTIONS, ...JSON_OPTION, ...SOURCE_OPTIONS } as const;

/** `headwater ltx verify <replica or file>`. */
export async function runReplicaVerify(args: readonly string[]): Promise<number> {
  const { values, positionals } = understand(() =>
    parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true }),
  );
  const [given = ""] = takePositionals(positionals, ["replica"]);
  const interruption = new Interruption();
  const work = isFile(given)
    ? verifyFile(given)
    : verifyReplica(parseReplica(given), values, interruption.signal);
  const verdict = await interruption.orElse(work).finally(() => draw(""));
  process.stdout.write(values.json ? `${JSON.stringify(verdict)}\n` : describe(verdict));
  return verdict.problems.length === 0 ? EXIT.done : EXIT.failed;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

async function verifyFile(path: string): Promise<Verdict> {
  const { size } = statSync(path);
  const problem = await problemOf(createReadStream(path));
  const problems = problem === undefined ? [] : [{ file: path, problem }];
  return { name: path, files: 1, bytes: size, problems };
}

async function verifyReplica(
  url: URL,
  values: ReplicaValues,
  signal: AbortSignal,
): Promise<Verdict> {
  const origin = understand(() => replicaOrigin(url, replicaAccessFrom(url, values)));
  await using store = await origin.store();
  const layout = parseLayout(values.layout);
  const listed = await listReplica(store, layout, { signal });
  const problems: { file: string | undefined; problem: string }[] = [];
  let done = 0;
  const queue = each(listed);
  const worker = async (): Promise<void> => {
    for (const object of queue) {
      const problem = await objectProblem(store, object, signal);
      if (problem !== undefined) problems.push({ file: object.key, problem });
      done += 1;
      draw(`verified ${formatCount(done)} of ${formatCount(listed.length)} files`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  try {
    await assemble(store, {}, { layout, signal });
  } catch (error) {
    if (!isHeadwaterError(error) || error.retryable) throw error;
    problems.push({ file: undefined, problem: error.message });
  }
  const bytes = listed.reduce((sum, { size }) => sum + size, 0);
  return { name: store.name, files: listed.length, bytes, problems };
}

function* each<Item>(items: readonly Item[]): Generator<Item, void, undefined> {
  yield* items;
}

/** A file that was compacted away meanwhile is no problem: its successor is. */
async function objectProblem(
  store: ObjectSource,
  object: ReplicaFile,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    return await problemOf(store.stream(object, 0, object.size, { signal, class: "background" }));
  } catch (error) {
    if (isHeadwaterError(error, "SOURCE_NOT_FOUND")) return undefined;
    throw error;
  }
}

async function problemOf(bytes: AsyncIterable<Uint8Array>): Promise<string | undefined> {
  try {
    await verifyLtx(bytes);
    return undefined;
  } catch (error) {
    if (isHeadwaterError(error, "CORRUPT")) return messageOf(error);
    throw error;
  }
}

/** Over what was drawn before, where there is a terminal to draw on. */
function draw(line: string): void {
  if (!process.stderr.isTTY || process.env.TERM === "dumb") return;
  process.stderr.write(`\r${line}\x1b[K`);
}

function describe({ name, files, bytes, problems }: Verdict): string {
  const count = `${formatCount(files)} ${files === 1 ? "file" : "files"}, ${formatBytes(bytes)}`;
  if (problems.length === 0) return `${printable(name)} is sound: ${count}\n`;
  const lines = problems.map(({ file, problem }) =>
    file === undefined ? inFlags(problem) : `${file}: ${problem}`,
  );
  return [`${printable(name)} is damaged: ${count}`, ...lines.map(printable)]
    .join("\n")
    .concat("\n");
}
