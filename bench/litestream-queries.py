# Litestream's extension under point queries, in a process that has loaded it before time counts:
#
#   python3 litestream-queries.py '{"extension":"...","sql":"...","ids":[...],"least":1000}'
#
# Prints the same as litestream-queries.ts: when the first answer was there, how long each of the
# queries took while it hydrated, how many it answers in a second afterwards, and the sum of all ids.

import json
import sqlite3
import sys
import time

order = json.loads(sys.argv[1])
ids = order["ids"]
sql = order["sql"]
loader = sqlite3.connect(":memory:")
loader.enable_load_extension(True)
loader.load_extension(order["extension"])

start = time.perf_counter()
database = sqlite3.connect("file:bench.db?vfs=litestream", uri=True)
total = database.execute(sql, (ids[0],)).fetchone()[0]
first = time.perf_counter() - start

during = []
hydrated = False
asked = 0
looked = time.perf_counter()
while not hydrated:
    asked += 1
    before = time.perf_counter()
    total += database.execute(sql, (ids[asked % len(ids)],)).fetchone()[0]
    now = time.perf_counter()
    during.append(now - before)
    if now - looked > 0.005:
        # It does not say so by itself.
        progress = database.execute("pragma litestream_hydration_progress").fetchone()
        hydrated = float(str(progress[0]).rstrip("%")) >= 100
        looked = time.perf_counter()
        if looked - start > 120:
            raise SystemExit("Litestream does not come to an end")

for id in ids[:200]:
    database.execute(sql, (id,)).fetchone()
before = time.perf_counter()
for id in ids:
    database.execute(sql, (id,)).fetchone()
rate = len(ids) / (time.perf_counter() - before)
print(json.dumps({"first": first, "during": during, "rate": rate}))
