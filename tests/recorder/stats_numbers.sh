#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `dearth stats`: its numbers are those of the database, however they are grouped.
. "$(dirname "$0")/../lib.sh"
need jq sqlite3

"$BUILD/tests/recorder/make_database" dearth.db --events 20000
stats() {
    "$DEARTH" stats -r 1 -f json -n 0 "$@" >stats.json
}

# Groups add up to the recording, each its own way.
recording=$(sql dearth.db 'SELECT allocations + failed, bytes, failed, live_blocks, live_bytes FROM recording WHERE id = 1')
for by in site location function module size thread process; do
    stats --by $by
    equal "$recording" "$(jq -r '.items | [map(.count), map(.bytes), map(.failed), map(.live_blocks),
        map(.live_bytes_at_exit)] | map(add | tostring) | join("|")' stats.json)" "sums by $by"
    equal "$(sql dearth.db 'SELECT sum(frees), sum(temporary), sum(cross_thread_frees), sum(lifetime_ns)
        FROM site_stat WHERE recording_id = 1')" \
        "$(jq -r '.total | [.frees, .temporary, .cross_thread_frees, .lifetime_ns] | map(tostring) | join("|")' stats.json)" \
        "frees by $by"
    jq -e '.items | map(.bytes) | . == (sort | reverse)' stats.json >/dev/null || [ $by = size ] ||
        fail "by $by: not sorted by bytes"
done
equal "$(sql dearth.db "SELECT count(*) FROM site_stat WHERE recording_id = 1 GROUP BY process_id LIMIT 1")" \
    "$(stats --by site && jq .items_total stats.json)" sites

# Live at the peak adds up to the peak, which each site's own peak does not.
peak=$(sql dearth.db 'SELECT peak_bytes FROM recording WHERE id = 1')
for by in location site module; do
    stats --sort peak --by $by
    equal "$peak" "$(jq '.items | map(.at_peak_bytes // 0) | add' stats.json)" "live at the peak by $by"
done
own=$(jq '.items | map(.peak_bytes) | add' stats.json)
[ "$own" -gt "$peak" ] || fail "own peaks ($own) do not exceed the peak ($peak)"

# One thread, from plain rows.
"$BUILD/tests/recorder/make_database" t.db --events 3000 --truth truth.db
wanted=$(sql truth.db 'SELECT count(*) FROM allocation WHERE thread_id = 2 AND NOT failed')
"$DEARTH" stats t.db --by thread -f json >stats.json
equal "$wanted" "$(jq '.items[] | select(.name | startswith("thread 2 ")) | .count - .failed' stats.json)" 'calls of a thread'

# Sorting, limits, leaks, stacks, words for people.
for sort in count bytes peak live temporary cross-thread realloc; do
    status 0 "$DEARTH" stats -r 1 --sort $sort -n 3
    contains out "sorted by $sort"
    equal 3 "$(grep -c '/src/work.c:1' out)" "lines with -n 3"
done
status 0 "$DEARTH" stats --leaks --stacks -r 1
contains out 'never freed'
contains out 'step_1 (/src/work.c:51) [inlined]'
contains out 'main (/src/main.c:'
contains out 'libleaf.so.1+0x5'
contains out "/opt/prog 'a b'"
contains out 'exact: nothing lost'
stats --leaks
equal "$(sql dearth.db 'SELECT live_bytes FROM recording WHERE id = 1')" \
    "$(jq '.items | map(.live_bytes_at_exit) | add' stats.json)" 'leaks add up'
# In every order the same lines, also when the one that asked most often has left nothing.
sqlite3 dearth.db "VACUUM INTO 'freed.db'" "ATTACH 'freed.db' AS f" "UPDATE f.site_stat SET live_blocks = 0,
    live_bytes = 0 WHERE site_id = (SELECT site_id FROM f.site_stat GROUP BY site_id ORDER BY sum(count) DESC LIMIT 1)"
leaking=$(sql freed.db 'SELECT count(DISTINCT site_id) FROM site_stat WHERE recording_id = 1 AND live_blocks')
for sort in live count bytes peak temporary cross-thread; do
    "$DEARTH" stats freed.db -r 1 -f json -n 0 --by site --leaks --sort $sort >stats.json
    equal "$leaking $leaking" "$(jq -r '"\(.items | length) \(.items_total)"' stats.json)" "leaks by $sort"
done
sqlite3 dearth.db "UPDATE process SET \"end\" = 'exec' WHERE id = 1"
stats --leaks
equal "$(sql dearth.db 'SELECT sum(live_bytes) FROM site_stat WHERE process_id = 2')" \
    "$(jq '.items | map(.live_bytes_at_exit) | add' stats.json)" 'a replaced image leaks nothing'
sqlite3 dearth.db "UPDATE recording SET exact = 0, events_lost = 12, stacks_truncated = 1 WHERE id = 1"
status 0 "$DEARTH" stats -r 1
contains out 'not exact: 12 events lost, 1 stack deeper'

# Blocks of the last moment are perhaps no leaks.
wanted=$("$DEARTH" sql -f csv t.db "SELECT count(*) || ',' || sum(a.size) FROM allocation a JOIN process p ON p.id = a.process_id
    WHERE a.freed_ns IS NULL AND NOT a.failed AND a.time_ns + 1000000 <= p.ended_ns" | tail -n 1)
"$DEARTH" stats t.db --leaks --tail 1ms -f json >stats.json
equal "${wanted//\"/}" "$(jq -r '.total | "\(.live_blocks),\(.live_bytes_at_exit)"' stats.json)" 'leaks without the last millisecond'
[ "$(sql t.db 'SELECT live_blocks FROM recording')" -gt "$(jq .total.live_blocks stats.json)" ] || fail 'nothing was left out'
status 0 "$DEARTH" stats t.db --leaks --tail 1ms
contains out 'in the last 1.0 ms'
status 2 "$DEARTH" stats t.db --tail 1ms
contains err --leaks
status 2 "$DEARTH" stats t.db --leaks --by thread

# What realloc moved, against the program's own count of it.
"$DEARTH" record -q -o growing.db -- "$PROGRAMS/growing" >said
stats growing.db --sort realloc --by function
equal "$(sort said)" "$(jq -r '.items[] | select(.name | IN("grow_often", "grow_doubling", "shrink", "fail"))
    | "\(.name) \(.realloc_grown) \(.realloc_moved) \(.realloc_copied_bytes)"' stats.json | sort)" 'reallocs by function'
jq -e '.items | map(.realloc_copied_bytes) | . == (sort | reverse) and .[0] > 100000' stats.json >/dev/null ||
    fail 'not sorted by what was copied'
wanted=$(jq -c '.total | [.realloc_grown, .realloc_moved, .realloc_copied_bytes]' stats.json)
for by in site location module size thread process; do
    stats growing.db --sort realloc --by $by
    equal "$wanted" "$(jq -c '.items | [map(.realloc_grown), map(.realloc_moved), map(.realloc_copied_bytes)] | map(add)' stats.json)" \
        "reallocs by $by"
done
status 0 "$DEARTH" stats growing.db --sort realloc
contains out copied
status 2 "$DEARTH" stats growing.db --sort realloc --leaks
contains err 'one at a time'

# While it is being recorded.
sqlite3 dearth.db ".backup running.db"
sqlite3 running.db "DELETE FROM site_stat; UPDATE recording SET state = 'running'"
status 0 "$DEARTH" stats running.db -r 1
contains out 'nothing yet'
status 0 "$DEARTH" stats running.db -r 1 --by thread
contains out 'thread 2'

# Counts without events.
sqlite3 dearth.db "UPDATE recording SET detail = 'sites'; DELETE FROM event_chunk"
status 0 "$DEARTH" stats -r 1 --sort peak
status 2 "$DEARTH" stats -r 1 --by size
contains err --detail=sites
status 2 "$DEARTH" stats -r 1 --sort realloc
contains err 'only counts per site'
status 2 "$DEARTH" stats -r 7
contains err 'no recording 7'
status 2 "$DEARTH" stats missing.db
status 2 "$DEARTH" stats a.db b.db

# What a program calls itself steers no terminal.
"$DEARTH" record -q -o names.db -- sh -c ": $(printf '\033[31m\302\233x')"
"$DEARTH" stats names.db >out
! grep -q "$(printf '\033')" out || fail 'an escape character got through'
