#!/usr/bin/env bash
# A replay that was killed goes on where it stopped: what was committed is not tried again, and in
# the end everything was tried once.
. "$(dirname "$0")/../lib.sh"
need jq

record -- jq -n '[range(20)] | map({a: ., b: tostring}) | group_by(.a % 3)' >/dev/null
planned=$("$DEARTH" replay --mode once --dry-run | grep -cE '[0-9a-f]{8}')
[ "$planned" -gt 50 ] || fail "a plan of $planned faults only"

attempts() {
    sql dearth.db 'SELECT count(*) FROM attempt' 2>/dev/null || echo 0
}
for _ in 1 2 3; do
    before=$(attempts)
    "$DEARTH" replay --mode once >err 2>&1 &
    dearth=$!
    for _ in $(seq 400); do
        [ "$(attempts)" -lt $((before + 20)) ] || break
        sleep 0.02
    done
    kill -KILL "$dearth" 2>/dev/null || :
    wait "$dearth" 2>/dev/null || :
    [ "$(attempts)" -gt "$before" ] || fail 'nothing was committed before the kill'
done
equal ok "$(sqlite3 dearth.db 'PRAGMA integrity_check')" 'database'
replay --mode once
equal "$planned" "$(sql dearth.db "SELECT count(*) FROM attempt WHERE repeat = 0 AND under = 'plain'")" 'first executions'
equal "$planned" "$(sql dearth.db "SELECT count(*) FROM (SELECT DISTINCT site_id, occurrence, mode
    FROM attempt)")" 'faults tried'
replay --mode once
equal "$planned" "$(sql dearth.db "SELECT count(*) FROM attempt WHERE repeat = 0 AND under = 'plain'")" 'nothing is left to do'
