export * from "./file-device.ts";
export * from "./file-map-store.ts";
export {
  inspectMap,
  type MapFinding,
  type MapInspection,
  type MapVerdict,
  readMap,
} from "./inspect-map.ts";
export * from "./local-copy.ts";
export { FileLock, type LockHolder, type LockState } from "./lock.ts";
export { type CopyNames, namesOf } from "./names.ts";
export type { ProcessIdentity } from "./process-identity.ts";
export * from "./repair-map.ts";
