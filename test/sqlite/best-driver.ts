import type { NativeDriverName } from "../../adapters/sqlite/between/native.ts";
import { NativeDatabase } from "../../adapters/sqlite/engine/native-database.ts";
import { findNativeDrivers } from "../../adapters/sqlite/native-drivers.ts";

/** The native driver that takes over here; undefined where none works. */
export function findBestDriver(): NativeDriverName | undefined {
  return findNativeDrivers("auto").find((native) => {
    try {
      NativeDatabase.open(native, ":memory:", false).close();
      return true;
    } catch {
      return false; // built for another Node, or without something that is needed
    }
  })?.name;
}
