import type { StoredObject } from "./store.ts";

/**
 * Reads a listing as nginx writes it: a JSON array of objects with `name`, `type`, `size` and
 * `mtime`. Folders are left out.
 *
 * @param prefix what stands before each name in its key.
 * @returns in ascending order of the keys; undefined when it is no such listing.
 */
export function parseListing(text: string, prefix: string): readonly StoredObject[] | undefined {
  const entries = parseArray(text);
  if (entries === undefined) return undefined;
  const objects: StoredObject[] = [];
  for (const entry of entries) {
    if (typeof entry !== "object" || entry === null) return undefined;
    const { name, type, size, mtime } = entry as Readonly<Record<string, unknown>>;
    if (typeof name !== "string") return undefined;
    if (type !== undefined && type !== "file") continue;
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) return undefined;
    objects.push({ key: prefix + name, size, modifiedMs: timeOf(mtime) });
  }
  return objects.sort((one, other) => (one.key < other.key ? -1 : Number(one.key > other.key)));
}

function parseArray(text: string): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A date in words, or milliseconds since 1970. */
function timeOf(value: unknown): number | undefined {
  const ms = typeof value === "string" ? Date.parse(value) : value;
  return typeof ms === "number" && Number.isFinite(ms) ? ms : undefined;
}
