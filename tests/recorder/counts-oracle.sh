#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Calls, bytes, failures, frees and what is left, function by function, equal what the program says
# it has done.
. "$(dirname "$0")/../lib.sh"

record -- "$PROGRAMS/oracle" 20000 7
grep -E '^[a-z_]+ [0-9]+( [0-9]+)?$' err >oracle

failed_wanted=0
while read -r word calls bytes; do
    case $word in
    failed)
        failed_wanted=$calls
        equal "$calls" "$(sql dearth.db 'SELECT sum(failed) FROM site_stat')" 'failed calls'
        ;;
    free)
        equal "$calls" "$(sql dearth.db 'SELECT frees FROM recording')" 'frees'
        ;;
    live)
        equal "$calls|$bytes" "$(sql dearth.db \
            'SELECT sum(live_blocks), sum(live_bytes) FROM site_stat')" 'live blocks and bytes'
        equal "$calls|$bytes" "$(sql dearth.db \
            'SELECT live_blocks, live_bytes FROM recording')" 'the same of the recording'
        ;;
    *)
        equal "$calls|$bytes" "$(sql dearth.db "SELECT sum(count), sum(bytes) FROM site_stat
            JOIN site ON site.id = site_id WHERE op = '$word'")" "$word calls and bytes"
        ;;
    esac
done <oracle
[ "$failed_wanted" -gt 0 ] || fail 'the oracle made no failing call'
equal 1 "$(sql dearth.db 'SELECT exact FROM recording')" 'the recording is exact'
