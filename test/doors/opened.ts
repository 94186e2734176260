import { MemoryDevice } from "../../adapters/memory.ts";
import { Clone } from "../../lib/index.ts";
import { heldSource } from "../devices/held-source.ts";
import { ScriptedSource } from "../devices/scripted-source.ts";
import { contentOf } from "../origin/content.ts";

export const SIZE = 3_000_000;
export const content: Buffer = Buffer.from(contentOf(5, 0, SIZE));

/** A clone of the content that fetches only what it must, and what it costs. */
export interface Opened {
  source: ScriptedSource;
  clone: Clone;
}

export async function open(context: Opened): Promise<void> {
  context.source = new ScriptedSource(new Uint8Array(content));
  const destination = new MemoryDevice(SIZE);
  const { source } = context;
  context.clone = await Clone.open({ source, destination, noHydration: true, readAround: 0 });
}

export async function close({ clone }: Opened): Promise<void> {
  await clone.close();
}

/** A clone whose source gives nothing. */
export async function openStuck(): Promise<Clone> {
  const { source } = heldSource(new Uint8Array(content), 65536);
  return Clone.open({ source, destination: new MemoryDevice(SIZE), noHydration: true });
}

export async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}
