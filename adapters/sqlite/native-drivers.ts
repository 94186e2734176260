import { existsSync, readFileSync } from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { NativeDriver, NativeDriverName } from "./between/native.ts";

/** Which native driver may take over: any that is there, none, or this one. */
export type NativeOption = "auto" | "off" | NativeDriverName;

const OPTIONS: readonly NativeOption[] = ["auto", "off", "better-sqlite3", "node:sqlite"];

/** The least Node, as major and minor version, that a major version of better-sqlite3 works on. */
const BETTER_SQLITE3_NODE: Readonly<Record<number, readonly [number, number]>> = {
  12: [20, 0],
  13: [22, 0], // on 20 it does not fail but crash
};

/** Where `node:sqlite` can tell columns and give rows as arrays, for a major version of Node. */
const NODE_SQLITE_MINOR: Readonly<Record<number, number>> = {
  22: 16,
  23: Number.POSITIVE_INFINITY,
};
const NODE_SQLITE_MAJOR = 22;

export interface FindingOptions {
  /** The folder of the project whose packages come first. Default that of the process. */
  readonly folder?: string;
  /** Of Node, such as "20.19.0". Default that of the process. */
  readonly nodeVersion?: string;
}

/**
 * The native drivers that can be used here, the best first. Nothing of them is loaded: of the wrong
 * version one can end the process.
 *
 * @throws {TypeError} when the option is none, or names a driver that cannot be used here.
 */
export function findNativeDrivers(
  option: NativeOption,
  options: FindingOptions = {},
): readonly NativeDriver[] {
  if (!OPTIONS.includes(option)) {
    throw new TypeError(`native is ${option}; it must be one of ${OPTIONS.join(", ")}`);
  }
  if (option === "off") return [];
  const { folder = process.cwd(), nodeVersion = process.versions.node } = options;
  const finders: Readonly<Record<NativeDriverName, () => NativeDriver | string>> = {
    "better-sqlite3": () => findBetterSqlite3(folder, nodeVersion),
    "node:sqlite": () => findNodeSqlite(nodeVersion),
  };
  if (option === "auto") {
    return Object.values(finders)
      .map((find) => find())
      .filter((found) => typeof found !== "string");
  }
  const found = finders[option]();
  if (typeof found === "string") throw new TypeError(`native is ${option}, but ${found}`);
  return [found];
}

/** It, or why it cannot be used. */
function findBetterSqlite3(folder: string, nodeVersion: string): NativeDriver | string {
  const name = "better-sqlite3";
  const places = [join(folder, "package.json"), fileURLToPath(import.meta.url)];
  const entry = places.map((place) => entryOf(name, place)).find((found) => found !== undefined);
  if (entry === undefined) return `${name} is not installed`;
  const version = versionAt(entry, name);
  const [major = Number.NaN] = numbersOf(version);
  const least = BETTER_SQLITE3_NODE[major];
  if (least === undefined) return `${name} ${version} is of a version that is not known to work`;
  const [nodeMajor = 0, nodeMinor = 0] = numbersOf(nodeVersion);
  const [leastMajor, leastMinor] = least;
  if (nodeMajor < leastMajor || (nodeMajor === leastMajor && nodeMinor < leastMinor)) {
    return `${name} ${version} does not work on Node ${nodeVersion}`;
  }
  return { name, url: pathToFileURL(entry).href };
}

function findNodeSqlite(nodeVersion: string): NativeDriver | string {
  const name = "node:sqlite";
  const [major = 0, minor = 0] = numbersOf(nodeVersion);
  const isNew = major >= NODE_SQLITE_MAJOR && minor >= (NODE_SQLITE_MINOR[major] ?? 0);
  if (!isNew || !isBuiltin(name)) return `Node ${nodeVersion} has none that is complete`;
  return { name, url: name };
}

/** The file that would be loaded, seen from a place; undefined where there is none. */
function entryOf(name: string, place: string): string | undefined {
  try {
    return createRequire(place).resolve(name);
  } catch {
    return undefined; // it is optional
  }
}

/** The version in the package's own `package.json`, above its entry. */
function versionAt(entry: string, name: string): string {
  for (let folder = dirname(entry); ; folder = dirname(folder)) {
    const path = join(folder, "package.json");
    if (existsSync(path)) {
      const found = JSON.parse(readFileSync(path, "utf8")) as { name?: string; version?: string };
      if (found.name === name) return found.version ?? "without a version";
    }
    if (folder === dirname(folder)) return "without a version";
  }
}

function numbersOf(version: string): readonly number[] {
  return version.split(".").map((part) => Number.parseInt(part, 10));
}
