import { validateHeaderValue } from "node:http";
import type { ServedBlob } from "../range-answer/index.ts";
import type { ReadableBlob } from "../streams/index.ts";

/** What a server serves: one clone at `/`, or several by name, `{ "a/b.bin": clone }` at `/a/b.bin`. */
export type ServedBlobs = ReadableBlob | Readonly<Record<string, ReadableBlob | ServedBlob>>;

/** What a server serves, by name. */
export class BlobTable {
  readonly #blobs: ReadonlyMap<string, ServedBlob>;

  /** @throws {TypeError} when there is none, or one cannot be served as it is said. */
  constructor(given: ServedBlobs) {
    const named = isBlob(given) ? { "": given } : given;
    const blobs = Object.entries(named).map(([name, what]) => {
      const served = isBlob(what) ? { blob: what } : what;
      checkServed(name, served);
      return [name, served] as const;
    });
    if (blobs.length === 0) throw new TypeError("there is nothing to serve: name a clone");
    this.#blobs = new Map(blobs);
  }

  names(): Iterable<string> {
    return this.#blobs.keys();
  }

  /** @param path as in the request, percent-encoded. Undefined where there is nothing. */
  find(path: string): ServedBlob | undefined {
    try {
      return this.#blobs.get(decodeURIComponent(path.slice(1)));
    } catch {
      return undefined; // not UTF-8
    }
  }
}

/** The path under which a name is found. */
export function pathOf(name: string): string {
  return `/${name.split("/").map(encodeURIComponent).join("/")}`;
}

function isBlob(given: ServedBlobs | ServedBlob): given is ReadableBlob {
  return "read" in given && typeof given.read === "function";
}

function checkServed(name: string, { blob, type = "", lastModified }: ServedBlob): void {
  if (!isBlob(blob)) throw new TypeError(`"${name}" has no blob`);
  // "." and ".." are taken out of a path before it is sent.
  if (name.split("/").some((part) => part === "." || part === "..")) {
    throw new TypeError(`"${name}" cannot be a path`);
  }
  if (lastModified !== undefined && Number.isNaN(lastModified.getTime())) {
    throw new TypeError(`lastModified of "${name}" is no date`);
  }
  validateHeaderValue("content-type", type);
  if (/[^\x20-\x7e]/.test(type)) throw new TypeError(`the type of "${name}" cannot be sent`);
}
