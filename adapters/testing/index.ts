export { assertBytes, patternBytes } from "./bytes.ts";
export * from "./destination.ts";
export * from "./map-store.ts";
export * from "./register.ts";
export * from "./source.ts";
