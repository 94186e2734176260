// Headwater on a replica, in a process of its own that does as it is told, a line at a time:
//
//   node litestream-child.js '{"replica":"file:///…","layout":"ltx","path":"…"}'
//
// Says "ready" when all modules are loaded. Then "open" opens the replica, "hydrated" waits until
// it is whole, "row 2" reads down to the first row of the table whose root is page 2, and "close"
// closes the copy; each is answered when it is done. It ends when its input does.

import { createInterface } from "node:readline";
import { hydrate } from "../adapters/hydrate.ts";
import { litestream, type ReplicaLayout } from "../adapters/ltx/index.ts";
import { type Clone, loadBitmaps } from "../lib/index.ts";

/** What a child is told to open. */
export interface LitestreamOrder {
  readonly replica: string;
  readonly layout: ReplicaLayout;
  readonly path: string;
}

/** The kinds of b-tree pages that have others below them. */
const INTERIOR = [2, 5];
const FIRST_CELL_AT = 12;

/** Reads what SQLite does for the first row of a table: the schema, and down to a leaf. */
async function readFirstRow(clone: Clone, root: number): Promise<void> {
  const first = Buffer.from(await clone.read(0, 100));
  const pageSize = first.readUInt16BE(16) === 1 ? 65_536 : first.readUInt16BE(16);
  await clone.read(0, pageSize);
  for (let pgno = root; ; ) {
    const page = Buffer.from(await clone.read((pgno - 1) * pageSize, pageSize));
    if (!INTERIOR.includes(page.readUInt8(0))) return;
    pgno = page.readUInt32BE(page.readUInt16BE(FIRST_CELL_AT));
  }
}

const { replica, layout, path } = JSON.parse(process.argv[2] ?? "{}") as LitestreamOrder;
// What is otherwise loaded when it is needed first.
if (replica.startsWith("http:")) await import("../adapters/ltx/http-store.ts");
await loadBitmaps();
let clone: Clone | undefined;
process.stdout.write("ready\n");
for await (const line of createInterface({ input: process.stdin })) {
  const [word, root] = line.split(" ");
  if (word === "open") clone = await hydrate(litestream(replica, { layout }), path);
  else if (clone === undefined) throw new Error("nothing is open");
  else if (word === "hydrated") await clone.hydrated();
  else if (word === "row") await readFirstRow(clone, Number(root));
  else if (word === "close") await clone.close();
  else throw new TypeError(`what is ${line}?`);
  process.stdout.write(`${word}\n`);
}
