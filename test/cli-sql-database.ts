import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { type ServedFile, serveFile } from "../examples/serve-file.ts";
import { makeFolder } from "./cli-command.ts";
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
