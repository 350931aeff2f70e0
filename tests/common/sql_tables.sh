#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The tables allocation and event say exactly what was put into the chunks, through `dearth sql` and
# through the stock sqlite3 shell; conditions keep chunks from being decoded; a damaged chunk is
# named and the others stay readable.
. "$(dirname "$0")/../lib.sh"
need sqlite3

make=$BUILD/tests/recorder/make_database
"$make" t.db --events 200000 --truth truth.db
ask() {
    "$DEARTH" sql --format csv t.db "$1" | tail -n +2
}

# Every row, both ways.
columns=process_id,number,thread_id,op,size,address,site_id,time_ns,freed_ns,freed_by,moved,failed,injected
for side in "main.allocation EXCEPT SELECT $columns FROM t.allocation" \
    "t.allocation EXCEPT SELECT $columns FROM main.allocation"; do
    printf "ATTACH 'truth.db' AS t; SELECT count(*) FROM (SELECT %s FROM %s);" "$columns" "$side" >query
    equal 0 "$("$DEARTH" sql -f csv t.db <query | tail -n 1)" "rows of one side only"
done
wanted=$(sql truth.db 'SELECT count(*) FROM allocation')
[ "$wanted" -gt 100000 ] || fail "only $wanted rows of truth"
equal "$wanted" "$(ask 'SELECT count(*) FROM allocation')" rows

# Conditions give what a plain table gives.
cat >conditions <<'CONDITIONS'
size > 1e6
size >= 299.5 AND size < 1500
size = 17
size = '17'
size = 'seventeen'
size < -1
size > NULL
op = 'calloc'
op = 'CALLOC'
op = 'calloc' COLLATE NOCASE
op = 'calloc' AND op = 'malloc'
op IN ('malloc', 'realloc')
op = 'nothing'
process_id = 2
thread_id = 3
thread_id IN (1, 4, 99)
site_id = 7
site_id IN (7, 35, 36)
site_id IN (SELECT site_id FROM allocation WHERE size = 17 AND process_id = 2)
site_id = 7 AND site_id = 8
time_ns BETWEEN 1e8 AND 2e8
time_ns < 100000 OR time_ns > 390000000
time_ns = 102400
freed_ns IS NULL AND failed = 0
freed_ns - time_ns > 1e8
freed_by <> thread_id AND time_ns > 3e8
process_id = 1 AND number = 4711
number < 70000 AND number > 65000.5
failed
injected
CONDITIONS
sed 's/.*/SELECT count(*) AS n, coalesce(sum(size), 0) AS size FROM allocation WHERE &;/' conditions >queries
sqlite3 -separator , truth.db <queries >wanted
"$DEARTH" sql -f csv t.db <queries | grep -vx 'n,size' >seen
equal "$(wc -l <conditions)" "$(wc -l <wanted)" 'answers of the plain table'
paste -d' ' wanted conditions >wanted.named
paste -d' ' seen conditions >seen.named
diff wanted.named seen.named || fail 'other answers than those of a plain table (<)'
echo "ok: $(wc -l <seen) conditions"

# Groups are what they are of a plain table, in any number of passes, and nothing is sorted for them.
cat >queries <<'GROUPS'
SELECT site_id, count(*) FROM allocation GROUP BY site_id;
SELECT site_id, sum(size), min(time_ns), max(number) FROM allocation GROUP BY 1;
SELECT op, count(*), sum(size) FROM allocation GROUP BY op;
SELECT op, thread_id, count(*), max(size) FROM allocation GROUP BY thread_id, op;
SELECT thread_id, count(freed_ns), sum(freed_ns - time_ns) FROM allocation WHERE size > 100 GROUP BY thread_id;
SELECT freed_by, failed, count(*) FROM allocation GROUP BY freed_by, failed;
SELECT site_id, count(*) FROM allocation WHERE site_id IN (7, 35) AND op = 'malloc' GROUP BY site_id;
SELECT site_id, count(*) FROM allocation WHERE size > 1e9 GROUP BY site_id;
SELECT DISTINCT thread_id FROM allocation;
SELECT DISTINCT op, process_id FROM allocation WHERE time_ns > 2e8;
SELECT count(DISTINCT site_id) FROM allocation;
SELECT op, count(*) FROM allocation GROUP BY op HAVING count(*) > 100 ORDER BY 2 DESC;
SELECT site_id, sum(size) FROM allocation GROUP BY site_id ORDER BY 2 DESC, 1 LIMIT 5;
SELECT size, count(*) FROM allocation GROUP BY size ORDER BY 1 LIMIT 20;
SELECT a.op, count(*) FROM allocation a JOIN allocation b ON b.process_id = a.process_id AND b.number = 5 WHERE a.site_id = 7 AND a.size = 17 GROUP BY a.op;
GROUPS
in_groups() { # DATABASE LIMIT FILE: rows of each query, sorted
    while read -r query; do
        echo "$query"
        printf 'PRAGMA soft_heap_limit = %s; %s' "$2" "$query" | sqlite3 -separator , \
            -cmd ".load $3" "$1" 2>&1 | tail -n +2 | sort
    done <queries
}
extension=$BUILD/common/events/dearth_sqlite.so
while read -r query; do
    echo "$query"
    sqlite3 -separator , truth.db "$query" 2>&1 | sort
done <queries >wanted
while read -r query; do
    echo "$query"
    ask "$query" | sort
done <queries >seen
diff wanted seen || fail 'other groups than those of a plain table (<)'
limits=(0 100000 1000)
! grep -q __asan_init "$extension" || limits=() # which a program without it cannot load
for limit in "${limits[@]}"; do
    in_groups t.db "$limit" "$extension" >seen
    diff wanted seen || fail "other groups than those of a plain table (<), limit $limit"
done
echo "ok: $(wc -l <queries) groups"
ask 'EXPLAIN QUERY PLAN SELECT op, thread_id, sum(size) FROM event GROUP BY 2, 1' >plan
lacks plan 'TEMP B-TREE'
status 2 "$DEARTH" sql t.db 'SELECT rowid, count(*) FROM event GROUP BY op'
contains err 'process_id and number name an event'

# What a condition rules out is not decoded.
chunks=$(sql t.db 'SELECT count(*) FROM event_chunk')
equal 5 "$chunks" chunks
decoded() {
    printf 'SELECT count(*) FROM %s; SELECT chunks_decoded();' "$1" >query
    "$DEARTH" sql -f csv t.db <query | tail -n 1
}
equal "$chunks" "$(decoded allocation)" 'decoded without a condition'
equal 1 "$(decoded 'allocation WHERE time_ns < 1000000')" 'decoded for a short time'
equal 1 "$(decoded 'allocation WHERE process_id = 2')" 'decoded for a process'
equal 0 "$(decoded 'allocation WHERE size > 100000000')" 'decoded for a size that never came'
equal 0 "$(decoded 'allocation WHERE recording_id = 9')" 'decoded for no recording'
equal 1 "$(decoded 'event WHERE chunk_id = 3')" 'decoded for a chunk'
equal 1 "$(decoded 'event WHERE process_id = 1 AND number = 70000')" 'decoded for one event'
equal 2 "$(decoded 'event WHERE process_id = 1 AND number BETWEEN 131000 AND 132000')" 'decoded for some events'
equal 2 "$(decoded 'allocation WHERE site_id = 35')" 'decoded for a site that comes up from event 131072 on'

# Events: frees name the allocation they end.
equal "$(ask 'SELECT sum(freed_ns IS NOT NULL) FROM allocation')" \
    "$(ask "SELECT count(*) FROM event WHERE kind IN ('free', 'realloc') AND reference IS NOT NULL")" ends
equal 0 "$(ask "WITH a AS MATERIALIZED (SELECT number, address FROM allocation WHERE process_id = 1),
    f AS MATERIALIZED (SELECT reference, address FROM event WHERE process_id = 1 AND kind = 'free')
    SELECT count(*) FROM f JOIN a ON a.number = f.reference WHERE a.address <> f.address")" 'frees of another address'

# The loadable extension. A sanitized one cannot be loaded into a shell that is not.
extension=$BUILD/common/events/dearth_sqlite
if ! grep -q __asan_init "$extension.so"; then
    equal "$(sql truth.db 'SELECT count(*), sum(size), sum(freed_ns) FROM allocation')" \
        "$(sqlite3 -readonly t.db ".load $extension" 'SELECT count(*), sum(size), sum(freed_ns) FROM allocation')" \
        'through the stock shell'
fi

# Joins decode once, not once for each row of the other table.
printf "SELECT count(*) FROM site s JOIN allocation a ON a.site_id = s.id JOIN location l ON l.id = s.location_id
    WHERE l.function = 'work_1'; SELECT chunks_decoded();" >query
equal "$chunks" "$("$DEARTH" sql -f csv t.db <query | tail -n 1)" 'decoded for a join'

# A damaged chunk.
cp t.db damaged.db
for damage in "substr(data, 1, length(data) / 2)" "x''" "x'00'" \
    "substr(data, 1, 100) || x'ffffffffffffffff' || substr(data, 109)"; do
    cp t.db damaged.db
    sqlite3 damaged.db "UPDATE event_chunk SET data = $damage WHERE id = 2"
    status 2 "$DEARTH" sql damaged.db 'SELECT count(*) FROM allocation'
    contains err 'chunk 2'
    contains err 'chunk_id <> 2'
    status 0 "$DEARTH" sql -f csv damaged.db 'SELECT count(*) FROM allocation WHERE chunk_id <> 2'
    equal "$(ask 'SELECT count(*) FROM allocation WHERE chunk_id <> 2')" "$(tail -n 1 out)" 'the others'
    status 0 "$DEARTH" sql -f csv damaged.db \
        'SELECT count(*) FROM allocation WHERE chunk_id <> 2 AND lifetime_ns > 0'
done
