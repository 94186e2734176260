import { spawnSync } from "node:child_process";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { type ServedFile, serveFile } from "../examples/serve-file.ts";
import { type CommandResult, makeFolder, runCommand } from "./cli-command.ts";
import { findProgram } from "./programs.ts";

export const ROWS = 3000;

const SQL = `create table song(id integer primary key, title text, seconds integer, cover blob);
  with recursive n(i) as (select 1 union all select i + 1 from n where i < ${ROWS})
  insert into song select i, 'song ' || i, 60 + i % 300, zeroblob(i % 100 * 10) from n;
  create index song_title on song(title);
  create view long_song as select * from song where seconds > 300;`;

/** A database on a web server, and a folder to work in. */
export interface ServedDatabase extends AsyncDisposable {
  readonly folder: string;
  readonly path: string;
  readonly served: ServedFile;
}

/** Undefined, after saying so, where SQLite's own program is not there to make it. */
export async function serveDatabase(
  options: { bytesPerSecond?: number } = {},
): Promise<ServedDatabase | undefined> {
  const program = findProgram("sqlite3");
  if (program === undefined) return undefined;
  const { path: folder, remove } = makeFolder();
  const path = join(folder, "songs.db");
  const made = spawnSync(program, [path, SQL], { encoding: "utf8" });
  if (made.status !== 0) throw new Error(made.stderr);
  const served = await serveFile(path, options);
  const close = async (): Promise<void> => {
    await served.close();
    remove();
  };
  return { folder, path, served, [Symbol.asyncDispose]: close };
}

export interface Asking {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs `headwater sql` on it, in its folder. */
export function sql(
  { folder, served }: ServedDatabase,
  args: readonly string[],
  asking: Asking = {},
): Promise<CommandResult> {
  return runCommand(["sql", served.url, ...args], { cwd: folder, ...asking });
}

/** What that wrote, where it ended well. */
export async function answer(
  at: ServedDatabase,
  args: readonly string[],
  asking?: Asking,
): Promise<string> {
  const { code, stdout, stderr } = await sql(at, args, asking);
  assert.equal([code, stderr], [0, ""]);
  return stdout.toString();
}
