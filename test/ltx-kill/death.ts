import fs from "node:fs";
import promises, { open } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** What changes a file or a folder, of all that the adapters call. */
const CALLBACKS = ["fdatasync", "fsync", "ftruncate", "writev"];
const PROMISES = ["copyFile", "link", "rename", "rm", "unlink"];
const HANDLES = ["datasync", "sync", "truncate", "write", "writeFile"];

/**
 * Has this process killed before it changes its files for the `step`th time, counted from 1.
 *
 * @returns how often it has changed them.
 */
export async function dieBefore(step: number): Promise<() => number> {
  let changes = 0;
  const change = (): void => {
    changes += 1;
    if (changes === step) process.kill(process.pid, "SIGKILL");
  };
  const handle = await open(process.execPath);
  replace(Object.getPrototypeOf(handle), HANDLES, change);
  await handle.close();
  replace(promises, PROMISES, change);
  replace(fs, CALLBACKS, change);
  syncBuiltinESMExports();
  return () => changes;
}

/** Has something done before each call of these methods. */
export function replace(owner: object, names: readonly string[], before: () => void): void {
  const methods = owner as Record<string, Method>;
  for (const name of names) {
    const method = methods[name];
    if (method === undefined) throw new Error(`there is no ${name}`);
    methods[name] = function (...args) {
      before();
      return method.apply(this, args);
    };
  }
}
