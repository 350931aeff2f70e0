#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A replay that was killed goes on where it stopped: what was committed is not tried again, and in
# the end everything was tried once. What copies showed whose original had not ended when dearth was
# killed counts nowhere and is tried again.
# tags: unsanitized
. "$(dirname "$0")/../lib.sh"
need jq

record -- jq -n '[range(20)] | map({a: ., b: tostring}) | group_by(.a % 3)' >/dev/null
planned=$("$DEARTH" replay --mode once --dry-run | grep -cE '[0-9a-f]{8}')
[ "$planned" -gt 50 ] || fail "a plan of $planned faults only"

rows() {
    sql dearth.db "SELECT count(*) FROM $1" 2>/dev/null || echo 0
}
# kill_at ROWS OPTIONS...: kill a replay when there are so many rows more, of attempts checked or not.
kill_at() {
    local before more=$1
    shift
    before=$(($(rows attempt) + $(rows unchecked_attempt)))
    "$DEARTH" replay --mode once "$@" >err 2>&1 &
    dearth=$!
    for _ in $(seq 400); do
        [ $(($(rows attempt) + $(rows unchecked_attempt))) -lt $((before + more)) ] || break
        sleep 0.02
    done
    kill -KILL "$dearth" 2>/dev/null || :
    wait "$dearth" 2>/dev/null || :
    [ $(($(rows attempt) + $(rows unchecked_attempt))) -gt "$before" ] || fail 'nothing was committed before the kill'
    equal ok "$(sqlite3 dearth.db 'PRAGMA integrity_check; PRAGMA foreign_key_check')" 'database'
}

# One original for all: none of its copies counts until it has ended.
kill_at 20 --how snapshot --jobs 1
[ "$(rows unchecked_attempt)" -gt 0 ] || fail 'the original was over before the kill'
equal 0 "$(rows attempt)" 'attempts of an original that was not checked'
equal 0 "$("$DEARTH" report dearth.db 2>err | jq .summary.sites.tested)" 'and none counts as tested'
# Whenever it comes, after any mixture of copies and reruns.
kill_at $((1 + RANDOM % 60))
kill_at $((1 + RANDOM % 20)) --how rerun
tested=$(rows attempt)
replay --mode once
equal 0 "$(rows unchecked_attempt)" 'nothing is left unchecked'
equal "$tested" "$(sql dearth.db 'SELECT count(*) FROM attempt WHERE replay_id < 4')" 'what counted still does'
equal "$planned" "$(sql dearth.db "SELECT count(*) FROM attempt WHERE repeat = 0 AND under = 'plain'")" 'first executions'
equal "$planned" "$(sql dearth.db "SELECT count(*) FROM (SELECT DISTINCT site_id, occurrence, mode
    FROM attempt)")" 'faults tried'
replay --mode once
equal "$planned" "$(sql dearth.db "SELECT count(*) FROM attempt WHERE repeat = 0 AND under = 'plain'")" 'nothing is left to do'
