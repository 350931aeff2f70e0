#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Real recordings: the events in the chunks add up to the sums that the collector made while it drained the
# rings, for threads, process trees, reallocs and aligned calls alike.
. "$(dirname "$0")/../lib.sh"
need jq sqlite3

# agree DATABASE: all recordings in it.
agree() {
    local wanted seen
    wanted=$("$DEARTH" sql -f csv "$1" "SELECT recording_id, process_id, site_id, count, failed, bytes, live_blocks,
        live_bytes, cross_thread_frees, frees FROM site_stat ORDER BY 1, 2, 3")
    seen=$("$DEARTH" sql -f csv "$1" "SELECT recording_id, process_id, site_id, count(*) AS count, sum(failed) AS failed,
        sum(iif(failed, 0, size)) AS bytes, sum(freed_ns IS NULL AND NOT failed) AS live_blocks,
        sum(iif(freed_ns IS NULL AND NOT failed, size, 0)) AS live_bytes,
        coalesce(sum(freed_by <> thread_id), 0) AS cross_thread_frees, sum(freed_ns IS NOT NULL) AS frees
        FROM allocation GROUP BY 1, 2, 3 ORDER BY 1, 2, 3")
    [ "$(wc -l <<<"$wanted")" -gt 1 ] || fail "no sums in $1"
    diff <(echo "$wanted") <(echo "$seen") || fail "events (>) and sums (<) of $1 differ"
    wanted=$(sql "$1" 'SELECT max(id), sum(events), sum(frees) FROM recording')
    seen=$("$DEARTH" sql -f csv "$1" "SELECT max(recording_id), count(*), sum(kind = 'free') FROM event" | tail -n 1)
    equal "$wanted" "${seen//,/|}" "events of $1"
    # Per thread and process, and lifetimes to the precision of the chunks' clock. Where realloc moved a block the
    # sums end its life when the call began, the events when it was done.
    wanted=$("$DEARTH" sql -f csv "$1" 'SELECT id, events FROM thread WHERE events > 0 ORDER BY 1')
    seen=$("$DEARTH" sql -f csv "$1" 'SELECT thread_id AS id, count(*) AS events FROM event GROUP BY 1 ORDER BY 1')
    equal "$wanted" "$seen" "events of the threads of $1"
    equal 1 "$("$DEARTH" sql -f csv "$1" 'SELECT CASE WHEN sum(moved) THEN 0 ELSE sum(lifetime_ns) END <=
        (SELECT sum(lifetime_ns) FROM site_stat) + 1024 * count(*) AND sum(lifetime_ns) >=
        (SELECT sum(lifetime_ns) FROM site_stat) - 1024 * count(*) FROM allocation' | tail -n 1)" "lifetimes of $1"
}

for program in threads tree realloc aligned oracle inlined; do
    [ -x "$PROGRAMS/$program" ] || continue
    ways=()
    [ $program != tree ] || ways=(fork exec vfork spawn system leaf)
    "$DEARTH" record -q -o $program.db -- "$PROGRAMS/$program" "${ways[@]}" >/dev/null 2>err || true
    agree $program.db
    for by in location thread size process; do
        "$DEARTH" stats $program.db --by $by -f json >by.json
        equal "$(sql $program.db 'SELECT allocations + failed FROM recording')" "$(jq .total.count by.json)" "$program by $by"
        equal "$(sql $program.db 'SELECT sum(temporary) FROM site_stat')" "$(jq .total.temporary by.json)" "temporary blocks of $program by $by"
    done
    "$DEARTH" stats $program.db --sort peak -f json >by.json
    equal "$(sql $program.db 'SELECT peak_bytes FROM recording')" "$(jq .total.at_peak_bytes by.json)" "$program: live at the peak"
    "$DEARTH" export $program.db >collapsed
    equal "$(sql $program.db 'SELECT bytes FROM recording')" "$(awk '{ n += $NF } END { print n }' collapsed)" "$program collapsed"
done

# Symbols that the recording left out are looked up by the first command that shows them.
"$DEARTH" record -q --no-symbols -o late.db -- "$PROGRAMS/inlined" >/dev/null
cp late.db later.db
status 0 "$DEARTH" stats late.db
contains out inlined.c
"$DEARTH" export later.db >collapsed
contains collapsed 'inlined;'
contains collapsed ';main;'

# Two recordings in one database.
"$DEARTH" record -q -o two.db -- sh -c 'ls / | sort >/dev/null'
"$DEARTH" record -q -o two.db -- jq . "$SOURCE/tests/data/sample.json" >/dev/null
agree two.db
status 0 "$DEARTH" diff two.db --recordings 1,2
status 0 "$DEARTH" merge three.db threads.db two.db
agree three.db
