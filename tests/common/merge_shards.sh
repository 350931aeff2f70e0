#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `dearth merge`: nothing is lost, nothing is doubled, ids inside chunks are those of the result.
. "$(dirname "$0")/../lib.sh"
need jq sqlite3

make=$BUILD/tests/recorder/make_database
"$make" a.db --events 30000
"$make" b.db --events 20000 --seed 5 --shift 1 # the same program, rebuilt: other keys
cp a.db before.db

status 0 "$DEARTH" merge all.db b.db a.db # a's row ids change
cmp a.db before.db || fail 'an input was changed'
equal 4 "$(sql all.db 'SELECT count(*) FROM recording')" recordings
equal 80 "$(sql all.db 'SELECT count(*) FROM site')" sites
equal 10 "$(sql all.db 'SELECT count(*) FROM location')" locations
equal ok "$(sql all.db 'PRAGMA integrity_check; PRAGMA foreign_key_check')" 'result is sound'
question="SELECT hex(s.key), a.op, l.name, count(*), sum(a.size), sum(a.lifetime_ns), sum(a.failed) FROM allocation a
    JOIN site s ON s.id = a.site_id JOIN location l ON l.id = s.location_id WHERE recording_id = %d GROUP BY 1"
for pair in 'a.db 1 3' 'a.db 2 4' 'b.db 1 1' 'b.db 2 2'; do
    read -r file from to <<<"$pair"
    # shellcheck disable=SC2059
    "$DEARTH" sql -f csv "$file" "$(printf "$question" "$from")" >wanted
    # shellcheck disable=SC2059
    "$DEARTH" sql -f csv all.db "$(printf "$question" "$to")" >seen
    diff wanted seen || fail "recording $from of $file differs"
    [ "$(wc -l <seen)" -gt 10 ] || fail 'too few sites to compare'
    "$DEARTH" stats "$file" -r "$from" --by site -n 0 | tail -n +2 >wanted
    "$DEARTH" stats all.db -r "$to" --by site -n 0 | tail -n +2 >seen
    diff wanted seen || fail "stats of recording $from of $file differ"
    echo "ok: recording $from of $file"
done

# Again: nothing changes.
"$DEARTH" sql all.db 'SELECT * FROM site_stat; SELECT id, hex(data) FROM event_chunk; SELECT * FROM symbol' >first
status 0 "$DEARTH" merge all.db a.db b.db a.db
"$DEARTH" sql all.db 'SELECT * FROM site_stat; SELECT id, hex(data) FROM event_chunk; SELECT * FROM symbol' >second
cmp first second || fail 'a second merge changed something'

# Shards: two copies of one database, each with attempts of its own on the same recording.
base="INSERT INTO replay(id, recording_id, state, started_unix_ns, options, isolation, traced, jobs, tool_version)
    VALUES (1, 1, 'complete', %d, '{}', 'copy', 0, 1, 't');"
attempt="INSERT INTO attempt(id, replay_id, site_id, occurrence, mode, how, verdict, severity, fired, hits, duration_ns,
    stdout_bytes, started_unix_ns) VALUES (%d, 1, %d, 1, 'once', 'rerun', 'crashed', 'bug', 1, 1, 5, 0, %d);"
finding="INSERT INTO finding(id, replay_id, identity, verdict, severity, attempt_id, bad, tried)
    VALUES (1, 1, 'crashed at X', 'crashed', 'bug', 1, %d, %d); INSERT INTO finding_attempt VALUES (1, 1), (1, 2);"
shard() { # FILE REPLAY-TIME FIRST-SITE BAD
    cp a.db "$1"
    # shellcheck disable=SC2059
    sqlite3 "$1" "$(printf "$base$attempt$attempt$finding" "$2" 1 "$3" "$2" 2 $(($3 + 1)) "$2" "$4" "$4")"
}
shard s1.db 100 1 2
shard s2.db 200 7 3
status 0 "$DEARTH" merge joined.db s1.db s2.db
equal 2 "$(sql joined.db 'SELECT count(*) FROM recording')" 'recordings of two shards'
equal 2 "$(sql joined.db 'SELECT count(*) FROM replay')" replays
equal '1,2,7,8' "$(sql joined.db 'SELECT group_concat(id) FROM (SELECT s.id FROM attempt a JOIN site s ON s.id = a.site_id ORDER BY 1)')" \
    'sites attempted'
equal '1|5|5' "$(sql joined.db 'SELECT count(*), sum(bad), sum(tried) FROM finding')" 'one finding, its rate of both'
equal 4 "$(sql joined.db 'SELECT count(*) FROM finding_attempt')" 'attempts of the finding'
# shellcheck disable=SC2059
sqlite3 s1.db "$(printf "$attempt" 3 9 101)" # this shard went on
status 0 "$DEARTH" merge joined.db s1.db s2.db
equal 5 "$(sql joined.db 'SELECT count(*) FROM attempt')" 'attempts after one shard went on'
equal '1|5|5' "$(sql joined.db 'SELECT count(*), sum(bad), sum(tried) FROM finding')" 'rate not counted twice'

# A real replay in two shards: joined, every site is tested, and findings are those of the whole.
"$DEARTH" record -q -o whole.db -- "$PROGRAMS/crashed" >/dev/null
cp whole.db part1.db
cp whole.db part2.db
"$DEARTH" replay -q whole.db >/dev/null
"$DEARTH" replay -q --shard 1/2 part1.db >/dev/null
"$DEARTH" replay -q --shard 2/2 part2.db >/dev/null
status 0 "$DEARTH" merge parts.db part1.db part2.db
tested() {
    sql "$1" 'SELECT count(DISTINCT site_id) FROM attempt'
}
equal "$(tested whole.db)" "$(($(tested part1.db) + $(tested part2.db)))" 'sites tested in either shard'
equal "$(tested whole.db)" "$(tested parts.db)" 'sites tested in both together'
equal "$(sql whole.db 'SELECT identity, verdict FROM finding ORDER BY 1')" \
    "$(sql parts.db 'SELECT identity, verdict FROM finding ORDER BY 1')" 'findings of two shards'
"$DEARTH" report parts.db --format json >report.json
equal '1' "$(jq '.summary.coverage' report.json)" 'coverage of two shards'

# What one merge remembers of its inputs changes nothing: all tables as when each input has a merge of its own. The inputs
# know more and more: the names of a frame, that a site is no error path's, that a target was tested, a site of their own.
dump() {
    for table in $(sqlite3 "$1" "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1"); do
        echo "== $table"
        sqlite3 -cmd '.mode quote' "$1" "SELECT * FROM $table" | sort
    done
}
cp s1.db k1.db
target="INSERT INTO target(id, recording_id, key, state, reason, contexts, contexts_tested) VALUES (%d, 1, x'%02d', '%s', %s, 3, %d);
    INSERT INTO target_site VALUES (%d, 1);"
# shellcheck disable=SC2059
sqlite3 k1.db "UPDATE frame SET resolved = 0 WHERE id = 5; DELETE FROM symbol WHERE frame_id = 5; UPDATE site SET error_path = 1
    WHERE id IN (3, 4); $(for i in 1 2 3; do printf "$target" $i $i untested "'why'" 0 $i; done)"
for i in 2 3 4 5; do cp k1.db k$i.db; done
sqlite3 k3.db "UPDATE replay SET started_unix_ns = 300; UPDATE attempt SET started_unix_ns = 300; UPDATE site SET error_path = 0
    WHERE id = 3; UPDATE target SET state = 'tested', reason = NULL, contexts_tested = 2 WHERE id = 2;
    INSERT INTO stack(id, parent_id, frame_id, depth, key) SELECT 9999, 1, 1, depth + 1, x'00112233445566778899aabbccddeeff' FROM stack WHERE id = 1;
    INSERT INTO site(id, key, op, stack_id) VALUES (9999, x'ff112233445566778899aabbccddeeff', 'malloc', 9999);
    INSERT INTO error_path VALUES (1, 9999, 1)"
sqlite3 k4.db "UPDATE frame SET resolved = 1 WHERE id = 5; INSERT INTO symbol(frame_id, inline_index, function) VALUES (5, 0, 'late')"
sqlite3 k5.db "UPDATE site SET error_path = 0 WHERE id = 4; UPDATE target SET contexts_tested = 1 WHERE id = 3"
status 0 "$DEARTH" merge together.db k1.db b.db k2.db k3.db k4.db k2.db k5.db
for i in k1 b k2 k3 k4 k2 k5; do
    "$DEARTH" merge apart.db $i.db 2>/dev/null
done
dump together.db >together
dump apart.db >apart
diff apart together || fail 'together is not as one by one'
equal '1,2,1' "$(sql together.db "SELECT (SELECT count(*) FROM symbol WHERE function = 'late'), (SELECT count(*) FROM replay),
    (SELECT count(*) FROM site WHERE key = x'ff112233445566778899aabbccddeeff')" | tr '|' ,)" 'what later inputs know'
equal 'untested|0,tested|2,untested|1' "$(sql together.db 'SELECT state, contexts_tested FROM target ORDER BY key' | paste -sd,)" targets
equal ok "$(sql together.db 'PRAGMA integrity_check; PRAGMA foreign_key_check')" 'together is sound'

# Refusals.
status 2 "$DEARTH" merge a.db a.db
contains err 'both the result and an input'
status 2 "$DEARTH" merge only.db
status 2 "$DEARTH" merge all.db missing.db
contains err missing.db
echo text >text.db
status 2 "$DEARTH" merge all.db text.db
sqlite3 b.db 'PRAGMA foreign_keys = OFF; DELETE FROM stack WHERE id = 3'
status 2 "$DEARTH" merge new.db b.db
contains err 'stack'
equal 0 "$(sql new.db 'SELECT count(*) FROM site')" 'rows left by a failed input'

# Every table of the schema is copied: a new one needs a rule in merge.c. What is not checked counts nowhere.
for table in $(sql a.db "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
    AND name <> 'unchecked_attempt'"); do
    grep -q "{\"$table\"," "$SOURCE/common/command/merge.c" || fail "merge.c has no rule for table $table"
done
