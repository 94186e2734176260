/** An option as `parseArgs` and the help want it. */
export interface Option {
  readonly type: "string" | "boolean";
  readonly multiple?: boolean;
  readonly short?: string;
  /** What stands for the value in the help. */
  readonly value?: string;
  readonly help: string;
}

export const COMMON_OPTIONS = {
  help: { type: "boolean", short: "h", help: "this text" },
} as const;

export const JSON_OPTION = {
  json: { type: "boolean", help: "JSON on stdout, for programs" },
} as const;

export const SOURCE_OPTIONS = {
  header: {
    type: "string",
    short: "H",
    multiple: true,
    value: '"Name: value"',
    help: "send this header with every request (repeatable)",
  },
  ca: { type: "string", value: "FILE", help: "trust these authorities (PEM)" },
  cert: { type: "string", value: "FILE", help: "client certificate (PEM)" },
  key: { type: "string", value: "FILE", help: "its private key (PEM)" },
  proxy: {
    type: "string",
    value: "URL",
    help: 'go through this HTTP proxy; "env" takes it from HTTP_PROXY, HTTPS_PROXY, NO_PROXY',
  },
  timeout: {
    type: "string",
    value: "SECONDS",
    help: "give a request up when nothing comes for so long (30)",
  },
  region: { type: "string", value: "NAME", help: "of an s3: URL's bucket (AWS_REGION)" },
  endpoint: {
    type: "string",
    value: "URL",
    help: "of an S3 store other than Amazon's (AWS_ENDPOINT_URL_S3)",
  },
  "path-style": {
    type: "boolean",
    help: "name the bucket in the path, as it is at an endpoint of one's own anyhow",
  },
  anonymous: { type: "boolean", help: "sign nothing, for public buckets" },
} as const;

export const HYDRATE_OPTIONS = {
  read: {
    type: "string",
    value: "OFFSET:LENGTH",
    help: "write these bytes to stdout at once, while the rest is fetched; =-8:8 is the last eight",
  },
  "no-hydration": { type: "boolean", help: "with --read: fetch no more than what is read" },
  "limit-rate": { type: "string", value: "SIZE", help: "bytes a second at most in the background" },
  "max-bytes": { type: "string", value: "SIZE", help: "fetch no more than this, then stop" },
  "max-requests": { type: "string", value: "COUNT", help: "send no more requests than this" },
  "max-cost": {
    type: "string",
    value: "AMOUNT",
    help: "spend no more than this, by the prices of the next two",
  },
  "price-per-request": { type: "string", value: "AMOUNT", help: "0.0000004 for a GET, say (0)" },
  "price-per-gigabyte": { type: "string", value: "AMOUNT", help: "0.09 for traffic, say (0)" },
  overwrite: { type: "boolean", help: "replace a file of this name that Headwater did not make" },
  revalidate: {
    type: "boolean",
    help: "ask first whether the source changed since the copy was begun; if so, start over",
  },
  "discard-local": {
    type: "boolean",
    help: "start over even where local writes, or an unreadable map, would be lost",
  },
  manifest: {
    type: "string",
    value: "WHERE",
    help: "verify every byte by what headwater digest has made: a path or an http(s) URL",
  },
  "former-manifest": {
    type: "string",
    value: "WHERE",
    help: "that of the version that the copy is of: nothing of it need be read then",
  },
  "region-size": { type: "string", value: "SIZE", help: "of a new copy's regions (64KiB)" },
  threshold: {
    type: "string",
    value: "COUNT",
    help: "regions in flight at most (128 MiB of them)",
  },
  "batch-size": { type: "string", value: "COUNT", help: "regions in one background request" },
  "allow-unvalidated": {
    type: "boolean",
    help: "resume also where nothing names the version (no ETag, no date; NBD), unnoticed if changed",
  },
  "whole-pass": {
    type: "boolean",
    help: "take a server that cannot send parts in one pass, from the beginning",
  },
  "stall-after": {
    type: "string",
    value: "COUNT",
    help: "give up after so many failures in a row (8)",
  },
  warm: {
    type: "string",
    value: "FILE",
    help: "fetch first what this trace says was read before (headwater record)",
  },
  quiet: { type: "boolean", short: "q", help: "nothing on stderr but errors" },
} as const;

export const MANIFEST_OPTION: Pick<typeof HYDRATE_OPTIONS, "manifest"> = {
  manifest: HYDRATE_OPTIONS.manifest,
};

export const CHECKSUM_OPTION = {
  checksum: {
    type: "boolean",
    help: "of an s3: URL: compare with the checksum that S3 keeps, without reading it again",
  },
} as const;

const { read: _, "no-hydration": __, ...REST } = HYDRATE_OPTIONS;

/** Those of the main command that make sense also where nothing of the blob goes to stdout. */
export const COPY_OPTIONS: Omit<typeof HYDRATE_OPTIONS, "read" | "no-hydration"> = REST;

export const MAP_OPTIONS = {
  check: { type: "boolean", help: "say whether the map can be believed (exit code 0, 7 or 5)" },
  dump: { type: "boolean", help: "everything in both slots, as JSON" },
  runs: {
    type: "string",
    value: "COUNT",
    help: "with --dump: so many ranges of each slot at most",
  },
  repair: {
    type: "boolean",
    help: "make the map sound: what cannot be trusted is fetched again",
  },
  "discard-local": {
    type: "boolean",
    help: "with --repair: give up local writes where they may be affected",
  },
} as const;

export const SERVE_OPTIONS = {
  nbd: {
    type: "string",
    value: "WHERE",
    help: "serve it over NBD at a Unix socket's path, or HOST:PORT; port 0 is any that is free",
  },
  http: {
    type: "string",
    value: "WHERE",
    help: "serve it over HTTP at PORT or HOST:PORT; port 0 is any that is free",
  },
  "allow-host": {
    type: "string",
    multiple: true,
    value: "NAME",
    help: "a name under which HTTP clients may ask, besides addresses (repeatable)",
  },
  "allow-origin": {
    type: "string",
    multiple: true,
    value: "ORIGIN",
    help: "pages that may read over HTTP, besides those on loopback (repeatable)",
  },
  writable: { type: "boolean", help: "take writes, into the copy; else clients can only read" },
  "export-name": { type: "string", value: "NAME", help: "what clients call it (none)" },
  "tls-cert": { type: "string", value: "FILE", help: "insist on TLS, with this certificate (PEM)" },
  "tls-key": { type: "string", value: "FILE", help: "its private key (PEM)" },
  "tls-ca": { type: "string", value: "FILE", help: "let in whom these authorities have signed" },
  "no-hydration": { type: "boolean", help: "fetch no more than what is read" },
} as const;

export const RECORD_OPTIONS = {
  output: { type: "string", short: "o", value: "FILE", help: "where the trace goes" },
  merge: { type: "boolean", help: "keep what that file says too: it is made of several runs" },
  "no-hydration": { type: "boolean", help: "fetch no more than what is read" },
} as const;

export const REPLICA_OPTIONS = {
  at: {
    type: "string",
    value: "TXID or TIME",
    help: "the state after this transaction, or the last one at or before this time",
  },
  layout: {
    type: "string",
    value: "ltx|s3",
    help: "how the folders of the levels are named, where it is not found out",
  },
  index: {
    type: "string",
    value: "PATH",
    help: "a JSON file on the web server that lists the replica's files",
  },
} as const;

export const SQL_OPTIONS = {
  json: { type: "boolean", help: "rows as JSON, one object a line" },
  csv: { type: "boolean", help: "rows as CSV (RFC 4180), the names of the columns first" },
  replica: { type: "boolean", help: "the http(s) or s3 URL is that of a Litestream replica" },
  writable: { type: "boolean", help: "take changes, into the file; else it can only be read" },
  "no-hydration": { type: "boolean", help: "fetch no more than what is queried" },
} as const;

const { "region-size": ___, ...WITHOUT_REGION_SIZE } = COPY_OPTIONS;

/** Those that a database is copied with: its regions are as small as its pages. */
export const SQL_COPY_OPTIONS: Omit<typeof COPY_OPTIONS, "region-size"> = WITHOUT_REGION_SIZE;

export const OUTPUT_OPTIONS = {
  output: { type: "string", short: "o", value: "FILE", help: "compact: the file to write" },
} as const;

export const DIGEST_OPTIONS = {
  output: { type: "string", short: "o", value: "FILE", help: "where to put it (<name>.manifest)" },
  "block-size": {
    type: "string",
    value: "SIZE",
    help: "of what gets a digest each (64KiB; larger for more than 64 GiB)",
  },
  overwrite: { type: "boolean", help: "replace a file that is there already" },
} as const;

/**
 * A message of the library with its options named as they are typed here: "set discardLocal"
 * becomes "add --discard-local".
 */
export function inFlags(message: string): string {
  return Object.keys({ ...HYDRATE_OPTIONS, ...REPLICA_OPTIONS, ...SOURCE_OPTIONS }).reduce(
    (text, option) => {
      const name = option.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
      return text
        .replaceAll(`set ${name}`, `add --${option}`)
        .replaceAll(`\`${name}\``, `--${option}`);
    },
    message,
  );
}
