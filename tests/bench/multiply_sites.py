# SPDX-License-Identifier: Apache-2.0
"""multiply_sites.py DATABASE N: make N sites of each: the others are asked by another line of the same caller, as
often, and have no single events of their own. For sizes that no recording in shared memory reaches."""
import hashlib
import sqlite3
import sys

db, n = sqlite3.connect(sys.argv[1]), int(sys.argv[2])
db.execute("PRAGMA synchronous = OFF")
columns = [row[1] for row in db.execute("PRAGMA table_info(site_stat)")]
rest = ", ".join(name for name in columns if name not in ("recording_id", "process_id", "site_id"))
for k in range(1, n):
    for table, next_id in (("frame", "frame_id"), ("stack", "stack_id"), ("site", "site_id")):
        db.execute(f"CREATE TEMP TABLE IF NOT EXISTS first_{table} AS SELECT max(id) AS id FROM {table}")
    frames, stacks, sites = (db.execute(f"SELECT max(id) FROM {table}").fetchone()[0] for table in ("frame", "stack", "site"))
    first = db.execute("SELECT id FROM first_site").fetchone()[0]
    db.execute("INSERT INTO frame (id, module_id, offset, resolved) SELECT id + ?, module_id, offset + 4096 * ?, resolved FROM frame "
               "WHERE id IN (SELECT frame_id FROM stack JOIN site ON site.stack_id = stack.id WHERE site.id <= ?)", (frames, k * 1000, first))
    db.execute("INSERT INTO symbol SELECT frame_id + ?, inline_index, function, linkage_name, file, line, start, size FROM symbol "
               "WHERE frame_id + ? IN (SELECT id FROM frame WHERE id > ?)", (frames, frames, frames))
    db.create_function("other", 1, lambda key, k=k: hashlib.sha256(key + bytes([k])).digest()[:16])
    db.execute("INSERT INTO stack (id, parent_id, frame_id, depth, key) SELECT stack.id + ?, parent_id, frame_id + ?, depth, other(stack.key) "
               "FROM stack WHERE id IN (SELECT stack_id FROM site WHERE id <= ?)", (stacks, frames, first))
    db.execute("INSERT INTO site (id, key, op, stack_id, location_id) SELECT id + ?, other(key), op, stack_id + ?, location_id FROM site "
               "WHERE id <= ?", (sites, stacks, first))
    db.execute(f"INSERT INTO site_stat (recording_id, process_id, site_id, {rest}) SELECT recording_id, process_id, site_id + ?, {rest} "
               "FROM site_stat WHERE site_id <= ?", (sites, first))
db.commit()
