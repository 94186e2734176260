import type { Clone } from "../../lib/index.ts";
import { MAX_STRING } from "./protocol.ts";

/** What is needed of a clone here: the package's own clones have it. */
export type NbdDevice = Pick<
  Clone,
  | "size"
  | "regionSize"
  | "mode"
  | "readInto"
  | "readIntoSync"
  | "write"
  | "discard"
  | "writeZeroes"
  | "flush"
  | "hydrate"
  | "hydratedRuns"
>;

/** One of the things that a server offers. */
export interface NbdExport {
  readonly clone: NbdDevice;
  /** For people who list the exports. */
  readonly description?: string;
  /** Refuse writes, whatever the clone allows. Default: the server's `readOnly`. */
  readonly readOnly?: boolean;
}

/** An export with its name; every choice is made. */
export interface Export {
  readonly name: string;
  readonly description: string;
  readonly device: NbdDevice;
  readonly readOnly: boolean;
}

/** What a server serves: one clone, or several by name. The first is also found without a name. */
export type NbdExports = NbdDevice | Readonly<Record<string, NbdDevice | NbdExport>>;

/** The exports of a server, by name. */
export class ExportTable {
  readonly #exports: ReadonlyMap<string, Export>;
  readonly #first: Export;

  /** @throws {TypeError} when there is none, or a name or description cannot be sent. */
  constructor(given: NbdExports, readOnly: boolean) {
    const named = isDevice(given) ? { "": given } : given;
    const exports = Object.entries(named).map(([name, what]) => exportOf(name, what, readOnly));
    const [first] = exports;
    if (first === undefined) throw new TypeError("there is nothing to serve: name a clone");
    this.#first = first;
    this.#exports = new Map(exports.map((each) => [each.name, each]));
  }

  /** In the order in which they were given. */
  list(): Iterable<Export> {
    return this.#exports.values();
  }

  /** An empty name asks for the default. */
  find(name: string): Export | undefined {
    return this.#exports.get(name) ?? (name === "" ? this.#first : undefined);
  }
}

function isDevice(given: NbdExports): given is NbdDevice {
  return typeof given.readIntoSync === "function";
}

function exportOf(name: string, what: NbdDevice | NbdExport, byDefault: boolean): Export {
  const {
    clone,
    description = "",
    readOnly = byDefault,
  } = "clone" in what ? what : { clone: what };
  for (const text of [name, description]) {
    if (Buffer.byteLength(text) > MAX_STRING || text.includes("\0")) {
      throw new TypeError(`the name or description of the export "${name}" cannot be sent`);
    }
  }
  return { name, description, device: clone, readOnly };
}
