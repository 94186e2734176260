import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const FIXTURES = fileURLToPath(new URL("../../test/fixtures/ltx", import.meta.url));

/** A file that a real Litestream wrote. */
export interface FixtureFile {
  /** Its path below the fixtures. */
  readonly path: string;
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** One transaction of the replica `small`: what the database held after it. */
export interface ExpectedState {
  readonly txid: string;
  readonly file: string;
  /** What the program that wrote the replica took for the size, also after its VACUUM. */
  readonly page_count: number;
  readonly rows: number;
  /** SHA-256 over each row of `t`, by id, as `JSON.stringify([id, k, v])` and a line feed. */
  readonly sha: string;
}

/** The files of a replica, by level and name. */
export function fixtureFiles(replica: string): readonly FixtureFile[] {
  const root = join(FIXTURES, replica, "ltx");
  return readdirSync(root)
    .sort()
    .reverse()
    .flatMap((level) =>
      readdirSync(join(root, level))
        .sort()
        .map((name) => {
          const path = join(replica, "ltx", level, name);
          return { path, name, bytes: new Uint8Array(readFileSync(join(FIXTURES, path))) };
        }),
    );
}

/** The file of a replica that ends with the transaction `txid`, of the lowest level. */
export function fixtureFile(replica: string, txid: number): FixtureFile {
  const end = `${txid.toString(16).padStart(16, "0")}.ltx`;
  const file = fixtureFiles(replica).findLast(({ name }) => name.endsWith(end));
  if (file === undefined) throw new Error(`${replica} has no file up to ${txid}`);
  return file;
}

export function expectedStates(): readonly ExpectedState[] {
  return JSON.parse(readFileSync(join(FIXTURES, "small.expected.json"), "utf8"));
}

export const REPLICAS = ["small", "small-levels", "small-frame", "small-gap"] as const;
