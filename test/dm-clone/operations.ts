import { HeadwaterError } from "../../lib/index.ts";
import { SECTOR_SIZE } from "../devices/sector-versions.ts";
import { fill, runsOf } from "./content.ts";
import type { Stage } from "./stage.ts";
import type { TraceLine } from "./trace.ts";

/** What an operation came to: the data of a read, or the name of an error as the kernel has it. */
export interface Outcome {
  readonly data?: string;
  readonly error: string | null;
}

/** Does with the clone what the line says was done with the kernel's. */
export async function perform(stage: Stage, line: TraceLine): Promise<Outcome> {
  try {
    const data = await stage.settle(operate(stage, line));
    return data === undefined ? { error: null } : { data, error: null };
  } catch (error) {
    return { error: nameOf(error) };
  }
}

async function operate(stage: Stage, line: TraceLine): Promise<string | undefined> {
  const { clone } = stage;
  const { op, args = [], fua = false } = line;
  const [first = 0, count = 0, tag = "?"] = args as [number?, number?, string?];
  const [offset, length] = [first * SECTOR_SIZE, count * SECTOR_SIZE];
  if (op === "read") return runsOf(await clone.read(offset, length), first);
  if (op === "write") await clone.write(offset, fill(tag, first, count), { fua });
  else if (op === "zeroout") await clone.writeZeroes(offset, length);
  else if (op === "discard") await clone.discard(offset, length);
  else if (op === "flush") await clone.flush();
  else if (op === "message") send(stage, String(args[0]));
  else if (op === "sleep") await stage.clock.advance(first * 1000);
  else if (op !== "none") throw new Error(`no operation ${op}`);
  if (line.flush) await clone.flush();
  return undefined;
}

/** The live controls by the names of the kernel's messages, which know no case. */
function send(stage: Stage, message: string): void {
  const [, name = "", value = ""] = /^(\S+) ?(.*)$/.exec(message.toLowerCase()) ?? [];
  const count = value === "" ? Number.NaN : Number(value);
  if (name === "enable_hydration") stage.enable();
  else if (name === "disable_hydration") stage.clone.pause();
  else if (name === "hydration_threshold") stage.clone.configure({ hydrationThreshold: count });
  else if (name === "hydration_batch_size") stage.clone.configure({ hydrationBatchSize: count });
  else throw new RangeError(`no message ${name}`);
}

/** What the kernel would call it. */
function nameOf(error: unknown): string {
  if (error instanceof HeadwaterError) return "EIO";
  if (error instanceof RangeError) return "EINVAL";
  throw error;
}
