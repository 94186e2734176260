// Ask a remote SQLite database at once, and have it as a local file in the end.
//
//   node dist/examples/sqlite-query.js URL FILE "select ..."
import { openDatabase } from "headwater/sqlite";

const [url = "", file = "", sql = ""] = process.argv.slice(2);

await using db = await openDatabase(url, file);
console.log(await db.all(sql));
const { hydratedBytes = 0, size = 0 } = db.clone?.status() ?? {};
console.log(`${((100 * hydratedBytes) / size).toFixed(1)} % was here when it was answered`);

const path = await db.ensureLocal();
console.log(`${path} is a file that any SQLite opens`);
