export type { NbdStats } from "./counters.ts";
export type { NbdDevice, NbdExport, NbdExports } from "./export-table.ts";
export type { NbdLimits } from "./limits.ts";
export type { NbdAddress } from "./listening.ts";
export { NbdServer, type NbdServerEvents, type NbdServerOptions, serveNbd } from "./server.ts";
export { nbd } from "./source.ts";
export type { NbdOptions, NbdTlsOptions } from "./source-options.ts";
export type { NbdTls } from "./tls.ts";
