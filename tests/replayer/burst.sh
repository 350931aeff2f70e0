#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# --burst N: a call and the next N - 1 fail. The program tries three times.
. "$(dirname "$0")/../lib.sh"

record -- "$PROGRAMS/retries" >/dev/null
replay --mode once
equal 'handled' "$(sql dearth.db "SELECT group_concat(DISTINCT verdict) FROM attempt")" 'one failure'
replay --burst 2
equal 'handled 1' "$(sql dearth.db "SELECT DISTINCT verdict || ' ' || also_failed FROM attempt
    WHERE mode = 'burst' AND burst = 2")" 'two failures'
replay --burst 3
equal 'crashed 2' "$(sql dearth.db "SELECT DISTINCT verdict || ' ' || also_failed FROM attempt
    WHERE mode = 'burst' AND burst = 3")" 'three failures'
before=$(sql dearth.db 'SELECT count(*) FROM attempt')
replay --burst 3
equal "$before" "$(sql dearth.db 'SELECT count(*) FROM attempt')" 'a burst that was tried is not tried again'
status 0 "$DEARTH" report -o report.json dearth.db
equal 'burst 3' "$(jq -r '.findings[] | .fault.mode + " " + (.fault.burst | tostring)' report.json)" 'report'
status 0 "$DEARTH" report --format text dearth.db
contains out 'and the 2 allocations after it'
status 0 "$DEARTH" repro dearth.db 1
contains err 'and the 2 allocations after it'

record -o fixed.db -- "$PROGRAMS/retries-fixed" >/dev/null
"$DEARTH" replay --burst 3 fixed.db >err 2>&1
equal 'reported' "$(sql fixed.db "SELECT DISTINCT verdict FROM attempt")" 'the corrected twin'
status 2 "$DEARTH" replay --burst 2 --mode once dearth.db
contains err burst
