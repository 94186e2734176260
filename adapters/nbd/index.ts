export { nbd } from "./source.ts";
export type { NbdOptions, NbdTlsOptions } from "./source-options.ts";
