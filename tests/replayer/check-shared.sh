#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Several checks of different programs into one new database at once: each judges its own program.
. "$(dirname "$0")/../lib.sh"
need sqlite3 python3

checks=()
for round in 1 2 3; do
    for program in crashed reported; do
        "$DEARTH" check -q -j 1 -o shared.db --report "$program.$round.json" -- "$PROGRAMS/$program" \
            >"$program.$round.out" 2>"$program.$round.err" &
        checks+=("$!:$program:$round")
    done
done
for check in "${checks[@]}"; do
    IFS=: read -r pid program round <<<"$check"
    got=0
    wait "$pid" || got=$?
    wanted=0
    [ "$program" = reported ] || wanted=1
    [ "$got" = "$wanted" ] || fail "$program: status $got: $(cat "$program.$round.err")"
    grep -q "/$program\"" "$program.$round.json" || fail "$program: its report is of another"
done
equal 6 "$("$DEARTH" sql -f csv shared.db "SELECT count(*) FROM recording WHERE state = 'complete'" | tail -n 1)" recordings
equal '6 3' "$("$DEARTH" sql -f csv shared.db "SELECT count(DISTINCT recording_id) || ' ' || (SELECT count(*) FROM replay p
    JOIN recording r ON r.id = p.recording_id WHERE r.exe LIKE '%/crashed') FROM replay WHERE state = 'complete'" | tail -n 1)" \
    'recordings that were replayed, and those of one program'
equal ok "$(sqlite3 shared.db 'PRAGMA integrity_check')" 'the database'
equal shared.db "$(echo shared.db*)" 'what is left'

# By hand: the others of the same program count too, whichever is the newest.
newest=$("$DEARTH" sql -f csv shared.db "SELECT max(id) FROM recording WHERE exe LIKE '%/crashed'" | tail -n 1)
status 0 "$DEARTH" report --like "$newest" -o like.json shared.db
equal '3 3' "$(python3 -c 'import json; r = json.load(open("like.json")); print(len(r["recordings"]), len(r["replays"]))')" \
    'recordings and replays in it'
status 2 "$DEARTH" report --like 1 --recording 1 shared.db
status 2 "$DEARTH" view --like 99 shared.db
contains err 'no recording 99'
