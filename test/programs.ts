import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** The path of a system program, or undefined. */
export function lookForProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  for (const folder of folders) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/**
 * The path of a system program that a test needs. Where it is missing, says so in the words that
 * the runner counts, and returns undefined; the test then returns too.
 */
export function findProgram(name: string): string | undefined {
  const path = lookForProgram(name);
  if (path === undefined) console.log(`skipped: ${name} is not installed`);
  return path;
}
