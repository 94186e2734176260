export * from "./assert.ts";
export * from "./bitmap.ts";
export * from "./byte-ranges.ts";
export { CheckedSource } from "./checked-device.ts";
export * from "./clock.ts";
export * from "./clone.ts";
export type {
  CallOptions,
  CloneBehavior,
  CloneOptions,
  CloneReadOptions,
  HydrateOptions,
  LiveOptions,
  ProgressOptions,
  WriteOptions,
} from "./clone-options.ts";
export * from "./device.ts";
export type { ErrorPolicies, ErrorPolicy } from "./error-policy.ts";
export * from "./errors.ts";
export type { FailureReason } from "./failure-reason.ts";
export * from "./geometry.ts";
export { joinPieces } from "./join-pieces.ts";
export { hydratedBytes, missing as missingRanges } from "./local-ranges.ts";
export * from "./map-format.ts";
export * from "./map-inspection.ts";
export * from "./map-store.ts";
export * from "./region-map.ts";
export * from "./restore-map.ts";
export type { RetryOptions } from "./retry-policy.ts";
export * from "./reused-memory.ts";
export * from "./status.ts";
export * from "./status-line.ts";
export type * from "./stored-map.ts";
export { mergeTraces, parseTrace, type Trace } from "./trace.ts";
