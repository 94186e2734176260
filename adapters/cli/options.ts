import { EXIT_MEANINGS } from "./exit-codes.ts";

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
} as const;

export const HYDRATE_OPTIONS = {
  read: {
    type: "string",
    value: "OFFSET:LENGTH",
    help: "write these bytes to stdout at once, while the rest is fetched; =-8:8 is the last eight",
  },
  "no-hydration": { type: "boolean", help: "with --read: fetch no more than what is read" },
  "limit-rate": { type: "string", value: "SIZE", help: "bytes a second at most in the background" },
  overwrite: { type: "boolean", help: "replace a file of this name that Headwater did not make" },
  revalidate: {
    type: "boolean",
    help: "ask first whether the source changed since the copy was begun; if so, start over",
  },
  "discard-local": {
    type: "boolean",
    help: "start over even where local writes, or an unreadable map, would be lost",
  },
  "region-size": { type: "string", value: "SIZE", help: "of a new copy's regions (64KiB)" },
  threshold: { type: "string", value: "COUNT", help: "regions in flight at most (128 MiB of them)" },
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
  quiet: { type: "boolean", short: "q", help: "nothing on stderr but errors" },
} as const;

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
    help: "the path of a Unix socket, or HOST:PORT; port 0 is any that is free",
  },
  writable: { type: "boolean", help: "take writes, into the copy; else clients can only read" },
  "export-name": { type: "string", value: "NAME", help: "what clients call it (none)" },
  "tls-cert": { type: "string", value: "FILE", help: "insist on TLS, with this certificate (PEM)" },
  "tls-key": { type: "string", value: "FILE", help: "its private key (PEM)" },
  "tls-ca": { type: "string", value: "FILE", help: "let in whom these authorities have signed" },
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

export const OUTPUT_OPTIONS = {
  output: { type: "string", short: "o", value: "FILE", help: "compact: the file to write" },
} as const;

/**
 * A message of the library with its options named as they are typed here: "set discardLocal"
 * becomes "add --discard-local".
 */
export function inFlags(message: string): string {
  return Object.keys({ ...HYDRATE_OPTIONS, ...REPLICA_OPTIONS }).reduce((text, option) => {
    const name = option.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
    return text
      .replaceAll(`set ${name}`, `add --${option}`)
      .replaceAll(`\`${name}\``, `--${option}`);
  }, message);
}

interface CommandHelp {
  readonly usage: string;
  readonly text: string;
  readonly options: Readonly<Record<string, Option>>;
}

export type CommandName = "hydrate" | "info" | "ltx" | "map" | "serve" | "verify";

/** Those of the main command that make sense also where nothing is written to stdout. */
const { read: _, "no-hydration": __, ...COPY_OPTIONS } = HYDRATE_OPTIONS;

const HELP: Readonly<Record<CommandName, CommandHelp>> = {
  hydrate: {
    usage: "headwater <url> [file]",
    text: `Makes the remote object a local file, resuming where an earlier run ended. Without a file
name the last part of the URL is taken. Until every byte is here the data is in
<file>.partial, beside <file>.headwater, which remembers what is here and of which version;
a file named <file> is always whole. Run the same command again after any interruption.`,
    options: { ...HYDRATE_OPTIONS, ...JSON_OPTION, ...SOURCE_OPTIONS, ...COMMON_OPTIONS },
  },
  info: {
    usage: "headwater info <url>",
    text: `Says how large the object is, what names its version and whether it can be read in parts,
which is what Headwater needs. Costs one request.`,
    options: { ...JSON_OPTION, ...SOURCE_OPTIONS, ...COMMON_OPTIONS },
  },
  ltx: {
    usage: "headwater ltx restore | info | verify | compact",
    text: `For Litestream replicas (0.5 and newer): the folder, or the http(s) URL, that Litestream
was told to replicate to.

  restore <replica> [file]       makes the database a local file; the same again goes on where
                                 it ended, and brings what has changed since
  info <replica>                 which states can be restored, and from which files
  verify <replica or .ltx file>  reads every file whole and checks its checksum
  compact <.ltx files> -o FILE   makes one file of several`,
    options: {
      ...REPLICA_OPTIONS,
      ...OUTPUT_OPTIONS,
      ...COPY_OPTIONS,
      ...JSON_OPTION,
      ...SOURCE_OPTIONS,
      ...COMMON_OPTIONS,
    },
  },
  map: {
    usage: "headwater map <file>",
    text: `Shows which parts of a copy are here, also while another process is fetching the rest: it
only reads <file>.headwater, as it was last saved. With --check it looks at the map as such
and at the files that it is for; only --repair changes anything.`,
    options: { ...MAP_OPTIONS, ...JSON_OPTION, ...COMMON_OPTIONS },
  },
  serve: {
    usage: "headwater serve --nbd <socket path or host:port> <url> [file]",
    text: `Makes the remote object a local file as the main command does, and serves it meanwhile, and
afterwards, as a block device to NBD clients, until it is ended by Ctrl-C or SIGTERM. The
address for clients goes to stdout.`,
    options: {
      ...SERVE_OPTIONS,
      ...COPY_OPTIONS,
      ...JSON_OPTION,
      ...SOURCE_OPTIONS,
      ...COMMON_OPTIONS,
    },
  },
  verify: {
    usage: "headwater verify <url> <file>",
    text: `Reads the whole source again and compares it with the finished file, byte by byte. Names
the first ranges that differ; exits with 1 if there are any.`,
    options: { ...JSON_OPTION, ...SOURCE_OPTIONS, ...COMMON_OPTIONS },
  },
};

/** The help of one command. */
export function helpOf(command: CommandName): string {
  const { usage, text, options } = HELP[command];
  return `${usage} [options]\n\n${text}\n\nOptions:\n${table(optionRows(options))}\n`;
}

/** The help of the whole, which is also that of the main command. */
export function mainHelp(): string {
  const { text, options } = HELP.hydrate;
  const commands = table([
    ["headwater <url> [file]", "make it local; the same again resumes"],
    ["headwater info <url>", "size, version, and whether it can be read in parts"],
    ["headwater ltx restore <replica>", "a database from its Litestream replica, and more"],
    ["headwater map <file>", "which parts of a copy are here"],
    ["headwater serve --nbd <where> <url> [file]", "the same, and serve it over NBD"],
    ["headwater verify <url> <file>", "compare a finished copy with its source"],
  ]);
  return `Headwater makes a remote object local, and lets programs read it meanwhile.

${commands}

${text}

For example:
  headwater https://example.org/big.bin
  headwater https://example.org/big.bin copy.bin --limit-rate 5MB
  headwater https://example.org/big.bin --read 0:512 | xxd

Options:
${table(optionRows({ ...options, version: { type: "boolean", help: "the version" } }))}

SIZE is a number of bytes, or like 64KiB, 64K (the same) and 1.5MB (decimal).
"headwater <command> --help" tells more of the others.

Exit codes:
${table(EXIT_MEANINGS)}

Set HEADWATER_DEBUG=1 to see where an error came from, NO_COLOR=1 for no colours.
`;
}

function optionRows(options: Readonly<Record<string, Option>>): (readonly [string, string])[] {
  return Object.entries(options).map(([name, { short, value, help }]) => {
    const dashes = short === undefined ? `    --${name}` : `-${short}, --${name}`;
    return [value === undefined ? dashes : `${dashes} ${value}`, help];
  });
}

/** Two columns within 80; what does not fit beside its name goes below it. */
function table(rows: readonly (readonly [string, string])[]): string {
  const indent = 30;
  return rows
    .flatMap(([name, help]) => {
      const first = `  ${name}`;
      const [start = "", ...rest] = wrap(help, 80 - indent);
      const below = [start, ...rest].map((line) => " ".repeat(indent) + line);
      if (first.length > indent - 2) return [first, ...below];
      return [first.padEnd(indent) + start, ...below.slice(1)];
    })
    .join("\n");
}

function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < columns) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else {
      lines.push(word);
    }
  }
  return lines;
}
