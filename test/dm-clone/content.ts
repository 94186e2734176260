import { createHash } from "node:crypto";
import { SECTOR_SIZE } from "../devices/sector-versions.ts";

/** The source, the destination as it was before, and what users wrote. */
const TAGS: readonly string[] = ["S", "D", ..."abcdefghijklmnopqrstuvwxyz"];
/** Which tag, of which sector, has the content that begins like this. */
const known = new Map<string, string>();
const sectors = new Map<string, Uint8Array>();

/** What a sector holds that was filled under this tag: `0` is zeros. */
function contentOf(tag: string, sector: number): Uint8Array {
  if (tag === "0") return new Uint8Array(SECTOR_SIZE);
  const name = `${tag}:${sector}`;
  let content = sectors.get(name);
  if (content === undefined) {
    const digest = createHash("sha256").update(name).digest();
    content = new Uint8Array(Buffer.concat(Array.from({ length: 16 }, () => digest)));
    sectors.set(name, content);
    known.set(beginning(content), name);
  }
  return content;
}

/** `count` sectors from `first` on, filled under one tag. */
export function fill(tag: string, first: number, count: number): Uint8Array {
  const bytes = new Uint8Array(count * SECTOR_SIZE);
  for (let index = 0; index < count; index += 1) {
    bytes.set(contentOf(tag, first + index), index * SECTOR_SIZE);
  }
  return bytes;
}

/** Run lengths such as `S*3 a*2`, of bytes that begin with this sector; `?` is anything else. */
export function runsOf(bytes: Uint8Array, first: number): string {
  const tags: string[] = [];
  for (let at = 0; at < bytes.length; at += SECTOR_SIZE) {
    tags.push(tagOf(bytes.subarray(at, at + SECTOR_SIZE), first + at / SECTOR_SIZE));
  }
  return joined(tags);
}

/** The same run lengths with `count` sectors from `first` on under another tag. */
export function overlaid(runs: string, first: number, count: number, tag: string): string {
  const tags = runs.split(" ").flatMap((run) => {
    const [of = "?", length] = run.split("*");
    return Array.from({ length: Number(length) }, () => of);
  });
  return joined(tags.fill(tag, first, first + count));
}

function joined(tags: readonly string[]): string {
  const runs: { tag: string; count: number }[] = [];
  for (const tag of tags) {
    const last = runs.at(-1);
    if (last?.tag === tag) last.count += 1;
    else runs.push({ tag, count: 1 });
  }
  return runs.map(({ tag, count }) => `${tag}*${count}`).join(" ");
}

function tagOf(bytes: Uint8Array, sector: number): string {
  if (bytes.every((byte) => byte === 0)) return "0";
  if (!sectors.has(`z:${sector}`)) for (const tag of TAGS) contentOf(tag, sector);
  const [tag = "?", of] = known.get(beginning(bytes))?.split(":") ?? [];
  if (of !== String(sector)) return "?";
  return Buffer.compare(bytes, contentOf(tag, sector)) === 0 ? tag : "?";
}

function beginning(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, 32).toString("latin1");
}
