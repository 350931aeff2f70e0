#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Databases that somebody made: what is no table of dearth's is refused by name before anything is read,
# and what is left cannot hang its reader nor fill its memory.
. "$(dirname "$0")/../lib.sh"
need python3 sqlite3 timeout

python3 "$SOURCE/tests/data/report_db.py" "$SOURCE" good.db
"$BUILD/tests/recorder/make_database" events.db --events 500 >/dev/null
for file in good.db events.db; do
    sqlite3 "$file" 'PRAGMA journal_mode = DELETE; ANALYZE' >/dev/null
done
status 0 timeout 60 "$DEARTH" report good.db # sqlite_stat1 is allowed
status 0 timeout 60 "$DEARTH" stats events.db

# refused SQL NAME: a copy with SQL applied is refused by reading and writing commands, naming NAME.
refused() {
    cp good.db made.db
    sqlite3 made.db "$1"
    before=$(md5sum <made.db)
    status 2 timeout 60 "$DEARTH" report made.db
    contains err "'$2'"
    status 2 timeout 60 "$DEARTH" replay made.db
    contains err "'$2'"
    equal "$before" "$(md5sum <made.db)" 'the file is as it was'
}
hang='WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT'
refused "DROP TABLE leak; CREATE VIEW leak AS $hang i AS attempt_id, i AS site_id, i AS blocks, i AS bytes, i AS direct FROM n" leak
for command in stats view 'sql --write' recover; do
    # shellcheck disable=SC2086
    status 2 timeout 60 "$DEARTH" $command made.db </dev/null
    contains err "'leak'"
done
status 2 timeout 60 "$DEARTH" repro made.db 1
status 2 timeout 60 "$DEARTH" merge out.db made.db
status 2 timeout 60 "$DEARTH" diff made.db good.db
refused "CREATE TRIGGER planted AFTER INSERT ON attempt BEGIN DELETE FROM finding; END" planted
refused "CREATE TABLE extra(x)" extra
refused "CREATE VIEW v AS SELECT 1" v
refused "CREATE INDEX i ON site(abs(id))" i
refused "DROP INDEX attempt_by_site; CREATE INDEX attempt_by_site ON attempt(abs(site_id), replay_id)" attempt_by_site
refused "DROP TABLE note" note
# note WORDS: the table 'note' with its last column as given.
note() {
    refused "DROP TABLE note; CREATE TABLE note(id INTEGER PRIMARY KEY, recording_id INTEGER REFERENCES recording(id),
        replay_id INTEGER REFERENCES replay(id), kind TEXT NOT NULL, text TEXT NOT NULL, $1" note
}
note "subject TEXT CHECK (length(subject) < 9))"
note "subject TEXT AS (upper(kind)))"
note "subject TEXT DEFAULT (hex(randomblob(99))))"
note "subject TEXT COLLATE NOCASE)"
note "subject)"
note "subject TEXT, more TEXT)"
note "subject TEXT, UNIQUE (subject) ON CONFLICT REPLACE)"
note "subject TEXT) WITHOUT ROWID"
# Columns in another order, as a migration leaves them, comments and quotes are as good.
cp good.db moved.db
sqlite3 moved.db "DROP TABLE skipped; CREATE TABLE \"skipped\"(reason TEXT NOT NULL, -- why
    site_id INTEGER NOT NULL REFERENCES site(id), \"replay_id\" INTEGER NOT NULL REFERENCES replay(id),
    PRIMARY KEY (replay_id, site_id)) WITHOUT ROWID"
status 0 timeout 60 "$DEARTH" report moved.db

# dearth sql makes no file that dearth would refuse.
for words in 'CREATE VIEW v AS SELECT 1' 'CREATE TABLE t(x)' 'CREATE INDEX i ON site(op)' 'DROP TABLE leak' \
    'ALTER TABLE site ADD COLUMN x' 'CREATE TRIGGER t AFTER INSERT ON site BEGIN SELECT 1; END'; do
    status 2 "$DEARTH" sql --write good.db "$words"
    contains err TEMP
done
status 0 "$DEARTH" sql --write good.db "CREATE TEMP TABLE t AS SELECT 1 AS x; INSERT INTO t VALUES (2);
    UPDATE note SET subject = 'mine'; ANALYZE; SELECT count(*) FROM t"
status 2 "$DEARTH" sql --write good.db "PRAGMA writable_schema = 1; UPDATE sqlite_schema SET sql = ''"
status 0 timeout 60 "$DEARTH" report good.db

# Stacks that are called by themselves, in one step and in several.
for loop in 'parent_id = id' 'parent_id = (SELECT max(id) FROM stack)'; do
    cp good.db loop.db
    sqlite3 loop.db "UPDATE stack SET $loop; UPDATE site SET incomplete = 1"
    for format in json text markdown sarif junit; do
        status 2 timeout 60 "$DEARTH" report --format "$format" loop.db
        contains err 'is damaged: stack'
        [ "$(stat -c %s out)" -lt 1000000 ] || fail "$format of a loop has $(stat -c %s out) bytes"
    done
    status 2 timeout 60 "$DEARTH" view -o page.html loop.db
    status 2 timeout 60 "$DEARTH" stats --stacks loop.db
    status 2 timeout 60 "$DEARTH" export loop.db
done
# One stack that is deeper than any, and one whose frames are inlined a million times over.
cp good.db deep.db
sqlite3 deep.db "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 70000)
    INSERT INTO stack SELECT 100000 + i, nullif(99999 + i, 99999), 1, i + 1, randomblob(16) FROM n;
    UPDATE site SET stack_id = 170000"
status 2 timeout 60 "$DEARTH" report --stacks deep.db
contains err 'longer than any'
# Pages that lead to each other: 400 ways from each of 16 to the next, whatever the schema says.
python3 - good.db pages.db <<'P'
import sqlite3, struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
size, n = struct.unpack(">H", data[16:18])[0], 16
first = len(data) // size + 1
for i in range(n + 1):
    if i < n:
        cells = struct.pack(">IB", first + i + 1, 1)
        start = size - len(cells)
        page = struct.pack(">BHHHBI", 5, 0, 400, start, 0, first + i + 1) + struct.pack(">H", start) * 400
    else:  # a leaf with one row: id, and five columns that are NULL
        cells = bytes([6, 1, 6, 0, 0, 0, 0, 0])
        start = size - len(cells)
        page = struct.pack(">BHHHB", 13, 0, 1, start, 0) + struct.pack(">H", start)
    data += page + bytes(size - len(page) - len(cells)) + cells
struct.pack_into(">I", data, 28, len(data) // size)
open(sys.argv[2], "wb").write(data)
db = sqlite3.connect(sys.argv[2])
db.execute("PRAGMA writable_schema = 1")
db.execute("UPDATE sqlite_schema SET rootpage = ? WHERE name = 'note'", (first,))
db.commit()
P
status 2 timeout 120 "$DEARTH" report pages.db
contains err damaged
# More events than there are bytes for them.
sqlite3 events.db "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
    INSERT INTO event_chunk SELECT NULL, (SELECT max(process_id) FROM event_chunk), i, i * 65536, 65536, 0, 9, 0, 9, x'44434831' FROM n"
status 2 timeout 60 "$DEARTH" stats --by size events.db
contains err 'cannot hold'
# Wherever a number is wanted, and whatever stands there instead.
cp good.db odd.db
sqlite3 odd.db "UPDATE finding SET bad = 'x', tried = -1, unreached = 9e99; UPDATE site_stat SET count = -1, bytes = x'00',
    peak_bytes = 9223372036854775807, live_bytes = 9223372036854775807; UPDATE recording SET argv = '[[[[', env_named = '[]',
    duration_ns = -1, peak_ns = -1, started_unix_ns = 9223372036854775807; UPDATE replay SET options = '{\"a\":1e999}';
    UPDATE attempt SET chance = '{\"probability\":1e300,\"interval\":-1e300}', failed = '[{\"call\":1e300}]', occurrence = -1"
for format in json text markdown sarif junit lcov; do
    status 0 timeout 60 "$DEARTH" report --format "$format" odd.db
done
status 0 timeout 60 "$DEARTH" view -o page.html odd.db
status 0 timeout 60 "$DEARTH" stats odd.db
