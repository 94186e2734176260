export * from "./file-device.ts";
export * from "./file-map-store.ts";
