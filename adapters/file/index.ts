export * from "./file-device.ts";
export * from "./file-map-store.ts";
export * from "./local-copy.ts";
export type { CopyNames } from "./names.ts";
