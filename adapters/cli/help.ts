import { EXIT_MEANINGS } from "./exit-codes.ts";
import {
  CHECKSUM_OPTION,
  COMMON_OPTIONS,
  COPY_OPTIONS,
  DIGEST_OPTIONS,
  HYDRATE_OPTIONS,
  JSON_OPTION,
  MANIFEST_OPTION,
  MAP_OPTIONS,
  type Option,
  OUTPUT_OPTIONS,
  RECORD_OPTIONS,
  REPLICA_OPTIONS,
  SERVE_OPTIONS,
  SOURCE_OPTIONS,
  SQL_COPY_OPTIONS,
  SQL_OPTIONS,
} from "./options.ts";

interface CommandHelp {
  readonly usage: string;
  readonly text: string;
  readonly options: Readonly<Record<string, Option>>;
}

export type CommandName =
  | "digest"
  | "hydrate"
  | "info"
  | "ltx"
  | "map"
  | "record"
  | "serve"
  | "sql"
  | "verify";

const HELP: Readonly<Record<CommandName, CommandHelp>> = {
  digest: {
    usage: "headwater digest <file or url> [-o FILE]",
    text: `Reads the whole once and writes its manifest: a SHA-256 of each block. Whoever has the
manifest can verify every byte of a copy, wherever it came from, and can bring a copy of
one version to another by fetching only the blocks that differ.`,
    options: { ...DIGEST_OPTIONS, ...JSON_OPTION, ...SOURCE_OPTIONS, ...COMMON_OPTIONS },
  },
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
    text: `For Litestream replicas (0.5 and newer): the folder, or the http(s) or s3 URL, that
Litestream was told to replicate to.

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
  record: {
    usage: "headwater record <url> [file] -o TRACE -- <command> [arguments]",
    text: `Runs the command with a web address for the object, in place of {} among its arguments and
in HEADWATER_URL, and records what it reads there. A later copy with --warm TRACE fetches
that first. Ends as the command does; what was fetched is kept in the file.`,
    options: { ...RECORD_OPTIONS, ...COPY_OPTIONS, ...SOURCE_OPTIONS, ...COMMON_OPTIONS },
  },
  serve: {
    usage: "headwater serve --http <port> | --nbd <socket path> <url or whole file> [file]",
    text: `Makes the remote object a local file as the main command does, and serves it meanwhile, and
afterwards, over HTTP, as a block device over NBD, or both, until it is ended by Ctrl-C or
SIGTERM. The addresses for clients go to stdout. A file that is here already is served as it
is: a finished copy without a request to its source, any other file over HTTP only.`,
    options: {
      ...SERVE_OPTIONS,
      ...COPY_OPTIONS,
      ...JSON_OPTION,
      ...SOURCE_OPTIONS,
      ...COMMON_OPTIONS,
    },
  },
  sql: {
    usage: 'headwater sql <url or replica> [file] ["select ..."]',
    text: `Queries a SQLite database where it is: what a query needs is fetched at once. With a file
named, the copy is kept in it, the rest comes meanwhile, and the same command goes on from
there; without one nothing is kept, and nothing is fetched but what is queried.

Without SQL a prompt takes it on a terminal; else it comes from stdin. Rows go to stdout: on
a terminal as a table that fits, else in plain columns, or as --json or --csv says. An
argument is SQL if it begins with a word of SQL; write ./ before a file of such a name.

A Litestream replica is a folder of this machine, or a web address that ends with a slash
or comes with --replica, --at, --layout or --index.`,
    options: {
      ...SQL_OPTIONS,
      ...REPLICA_OPTIONS,
      ...SQL_COPY_OPTIONS,
      ...SOURCE_OPTIONS,
      ...COMMON_OPTIONS,
    },
  },
  verify: {
    usage: "headwater verify <url> <file>, or headwater verify <file> --manifest WHERE",
    text: `Reads the whole source again and compares it with the finished file, byte by byte; or
reads the file alone, and compares the digest of each block with its manifest. Names the
first ranges that differ; exits with 1 if there are any.`,
    options: {
      ...MANIFEST_OPTION,
      ...CHECKSUM_OPTION,
      ...JSON_OPTION,
      ...SOURCE_OPTIONS,
      ...COMMON_OPTIONS,
    },
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
    ["headwater digest <file or url>", "make the manifest that copies are verified by"],
    ["headwater info <url>", "size, version, and whether it can be read in parts"],
    ["headwater ltx restore <replica>", "a database from its Litestream replica, and more"],
    ["headwater map <file>", "which parts of a copy are here"],
    ["headwater record <url> -o TRACE -- <command>", "what a program reads, for --warm"],
    ["headwater serve --http <port> <url> [file]", "the same, and serve it over HTTP or NBD"],
    ["headwater sql <url> [file]", "query a SQLite database where it is"],
    ["headwater verify <url> <file>", "compare a finished copy with its source, or a manifest"],
  ]);
  return `Headwater makes a remote object local, and lets programs read it meanwhile.

${commands}

${text}

For example:
  headwater https://example.org/big.bin
  headwater https://example.org/big.bin copy.bin --limit-rate 5MB
  headwater https://example.org/big.bin --read 0:512 | xxd
  headwater s3://bucket/big.bin --region eu-west-1

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
