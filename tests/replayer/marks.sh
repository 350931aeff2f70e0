#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# dearth.h: failures between dearth_begin() and dearth_end() only, never between dearth_never_begin() and
# dearth_never_end(); in recordings, in replays of both kinds, in reports.
. "$(dirname "$0")/../lib.sh"

verdicts() {
    sql "$1" "SELECT group_concat(f, ' ') FROM (SELECT DISTINCT function || '=' || verdict || occurrence AS f
        FROM attempt JOIN site ON site.id = site_id JOIN location ON location.id = location_id ORDER BY 1)"
}
record -- "$PROGRAMS/marks-unmarked" >/dev/null
replay --mode once
equal 'anywhere=crashed1 anywhere=handled1 before=crashed1 in_region=reported1 quietly=crashed1' \
    "$(verdicts dearth.db)" 'without marks'
equal 0 "$(sql dearth.db 'SELECT marked FROM recording')" 'without marks'

for how in rerun snapshot; do
    rm -f dearth.db
    record -- "$PROGRAMS/marks" >/dev/null
    equal 1 "$(sql dearth.db 'SELECT marked FROM recording')" 'marked'
    replay --mode both --how $how
    equal 'anywhere=handled1 anywhere=reported1 in_region=reported1' "$(verdicts dearth.db)" "marked, $how"
    equal 0 "$(sql dearth.db 'SELECT count(*) FROM attempt WHERE fired = 0')" "all are reached, $how"
    equal 0 "$(sql dearth.db "SELECT count(*) FROM refused WHERE reason = 'contradicted'")" \
        "what lasts keeps to the marks in copies, too, $how"
done
status 0 "$DEARTH" report -o report.json dearth.db
equal 'before=outside quietly=never' "$(jq -r '[.sites[] | select(.untested_reason == "not_failable") |
    .location.function + "=" + .excluded_by] | unique | map(select(test("before|quietly"))) | join(" ")' report.json)" \
    'the report says why'
equal 100 "$(jq '.summary.coverage * 100' report.json)" 'what is excluded is not missed'
status 0 "$DEARTH" view -o page.html dearth.db
contains page.html 'dearth_never_begin()'

# An own allocator: its calls are events, and no bytes.
record -o pool.db -- "$PROGRAMS/pool" >/dev/null
equal 'asked|should_fail|64 asked|should_fail|128' "$("$DEARTH" sql pool.db "SELECT kind, op, size FROM event
    WHERE op = 'should_fail'" | tail -n +1 | grep asked | tr -s ' \t' '|' | sed 's/|*$//' | tr '\n' ' ' | sed 's/ $//')" 'events'
equal 0 "$(sql pool.db "SELECT sum(bytes) FROM site_stat JOIN site ON site.id = site_id WHERE op = 'should_fail'")" 'bytes'
