#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Attempts are fed the standard input of the recording: a captured pipe, a file from its offset.
. "$(dirname "$0")/../lib.sh"

seq 3000 >numbers
"$DEARTH" record -o pipe.db -- "$PROGRAMS/stdin-reader" < <(cat numbers) >/dev/null 2>err
{ read -r _; "$DEARTH" record -o file.db -- "$PROGRAMS/stdin-reader" >/dev/null 2>err; } <numbers
for database in pipe.db file.db; do
    "$DEARTH" replay --leaks off --mode once --occurrence all "$database" >err 2>&1 </dev/null
    equal 0 "$(sql "$database" "SELECT count(*) FROM attempt WHERE verdict <> 'reported'
        AND site_id IN (SELECT site.id FROM site JOIN location ON location.id = location_id
            WHERE function = 'grow_input')")" "$database: other verdicts"
    equal 9 "$(sql "$database" "SELECT count(*) FROM attempt WHERE verdict = 'reported'
        AND site_id IN (SELECT site.id FROM site JOIN location ON location.id = location_id
            WHERE function = 'grow_input')")" "$database: growths reached"
done
equal '3000 lines, 13893 bytes' "$(sql pipe.db "SELECT trim(stdout, char(10)) FROM baseline LIMIT 1")" \
    'what a baseline run read from the pipe'
equal '2999 lines, 13891 bytes' "$(sql file.db "SELECT trim(stdout, char(10)) FROM baseline LIMIT 1")" \
    'what a baseline run read from the file'

# A check leaves in the pipe what one run would.
seen=$(seq 4 | while read -r i; do
    "$DEARTH" check -q --fail-on none -o loop.db -- "$PROGRAMS/handled" >/dev/null 2>err || fail "check: $(cat err)"
    printf '%s ' "$i"
done)
equal '1 2 3 4 ' "$seen" 'a list that a loop reads'
