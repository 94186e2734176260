/** The floors of `lib`, the lowest first: an import goes to the same floor or to a lower one. */
export const FLOORS: readonly (readonly string[])[] = [
  ["abortable", "assert", "clock", "device", "diagnostics", "errors", "map-store", "status"],
  [
    "access",
    "bitmap",
    "bitmap-runs",
    "byte-ranges",
    "error-policy",
    "gathering",
    "geometry",
    "hedging",
    "pending-bytes",
    "region-waiters",
    "stored-map",
    "turns",
    "byte-rate",
    "read-ahead",
    "retry-policy",
    "reused-memory",
    "status-line",
  ],
  [
    "budget",
    "checked-device",
    "trace",
    "clone-options",
    "ledger",
    "map-format",
    "map-inspection",
    "local-ranges",
    "region-locks",
    "rest",
    "region-map",
    "restore-map",
    "scheduler",
    "written-regions",
  ],
  ["landing", "hedged-stream", "fetch", "fetcher", "committer"],
  ["demand", "router", "writer", "zeros", "setbacks", "goals", "hydrator", "hydration"],
  [
    "advance",
    "announcer",
    "stored-copy",
    "engine",
    "named",
    "describe",
    "progress",
    "replace-source",
    "resize",
    "succession",
    "suspend",
    "versions",
    "lifecycle",
    "clone",
  ],
  ["index"],
];

/** They share a floor and must not know each other: who serves readers, and who hydrates. */
export const STRANGERS: readonly (readonly string[])[] = [
  ["demand", "router", "writer"],
  ["setbacks", "goals", "hydrator", "hydration"],
];

/** Which adapter may import which other, and that one's entry only. */
export const ADAPTERS: Readonly<Record<string, readonly string[]>> = {
  cli: ["hydrate", "file", "http", "ltx", "manifest", "nbd", "s3", "serve-http", "sqlite"],
  hydrate: ["file", "http", "manifest", "nbd", "s3"],
  ltx: ["http", "s3"],
  manifest: ["http"],
  s3: ["http"],
  several: ["http"],
  blob: ["streams"],
  fetch: ["range-answer", "streams"],
  "file-handle": ["streams"],
  "range-answer": ["streams"],
  "serve-http": ["range-answer", "streams"],
  sqlite: ["file", "hydrate"],
};

/** The packages that each part may import. An adapter's dependency is loaded by that adapter. */
export const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  lib: ["p-queue", "roaring", "roaring-wasm", "node:events", "node:diagnostics_channel"],
  "adapters/http": ["undici", "node:"],
  "adapters/s3": ["@aws-sdk/client-s3", "@aws-sdk/s3-request-presigner", "node:"],
  "adapters/hyparquet": ["hyparquet"],
  "adapters/sqlite": ["@sqlite.org/sqlite-wasm", "node:"],
  adapters: ["node:"],
};
