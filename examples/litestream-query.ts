// Ask a database in its Litestream replica, as it is now or was after an earlier transaction.
//
//   node dist/examples/litestream-query.js file:///backups/app.db FILE "select ..." [TXID]
import { litestream } from "headwater/ltx";
import { openDatabase } from "headwater/sqlite";

const [replica = "", file = "", sql = "", txid] = process.argv.slice(2);

const source = litestream(replica, txid === undefined ? {} : { at: BigInt(txid) });
// A copy that is here already is brought to what is asked for, by fetching what has changed.
await using db = await openDatabase(source, file, { revalidate: true });
console.log(`reading ${db.clone?.status().identity}`);
console.log(await db.all(sql));
console.log(`restored to ${await db.ensureLocal()}`);
