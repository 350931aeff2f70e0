#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Ctrl-C and a time budget end a replay early: what was done is stored, what was not says why, the next
# replay goes on.
# tags: waits
. "$(dirname "$0")/../lib.sh"
need jq

record -- jq -n '[range(20)] | map({a: ., b: tostring}) | group_by(.a % 3)' >/dev/null
sites=$(sql dearth.db 'SELECT count(DISTINCT site_id) FROM site_stat WHERE failable > 0')

set -m # else bash has SIGINT ignored
"$DEARTH" replay --mode once dearth.db >err 2>&1 &
dearth=$!
set +m
for _ in $(seq 600); do
    [ "$(sql dearth.db 'SELECT (SELECT count(*) FROM attempt) + (SELECT count(*) FROM unchecked_attempt)' \
        2>/dev/null || echo 0)" -lt 10 ] || break
    sleep 0.02
done
kill -INT "$dearth"
seen=0
wait "$dearth" || seen=$?
equal 130 "$seen" 'exit status after Ctrl-C'
equal interrupted "$(sql dearth.db 'SELECT state FROM replay WHERE id = 1')" 'state'
contains err 'goes on'
first=$(sql dearth.db 'SELECT count(*) FROM attempt')
[ "$first" -lt "$sites" ] || fail 'it was over before'
equal 0 "$(sql dearth.db 'SELECT count(*) FROM unchecked_attempt')" 'what is not checked is not kept'
# Findings of what was done are there.
equal 0 "$(sql dearth.db "SELECT count(*) FROM attempt WHERE severity IN ('bug', 'policy', 'warning')
    AND NOT inferred AND id NOT IN (SELECT attempt_id FROM finding_attempt)")" 'bad attempts outside of findings'

status 0 "$DEARTH" replay --mode once --time-budget 1ms dearth.db
contains err 'time is up'
equal budget "$(sql dearth.db 'SELECT state FROM replay WHERE id = 2')" 'state'
untried="site_id NOT IN (SELECT site_id FROM attempt)"
equal "$(sql dearth.db "SELECT count(DISTINCT site_id) FROM site_stat WHERE failable > 0 AND $untried")" \
    "$(sql dearth.db "SELECT count(*) FROM skipped WHERE replay_id = 2 AND reason = 'budget' AND $untried")" \
    'sites that the budget left out'

# A process that was killed leaves its row running; the next replay knows better.
sqlite3 dearth.db "UPDATE replay SET state = 'running', options = json_set(options, '\$.pid', 1) WHERE id = 1"
replay --mode once
equal 'interrupted budget complete' \
    "$(sql dearth.db "SELECT group_concat(state, ' ') FROM (SELECT state FROM replay ORDER BY id)")" 'states'
equal 0 "$(sql dearth.db "SELECT count(DISTINCT site_id) FROM site_stat WHERE failable > 0 AND $untried")" \
    'sites left in the end'
