#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A program that leaves a child behind, one that hangs, and dearth's own death: no process is left.
# tags: unsanitized
. "$(dirname "$0")/../lib.sh"

cp "$PROGRAMS/lingering" "$PROGRAMS/hung" "$work/"
record -o lingering.db -- ./lingering "$work/pids" >/dev/null
"$DEARTH" replay --mode once --jobs 2 lingering.db >err 2>&1
none_below "$work"
equal reported "$(site_verdicts lingering.db once new_buffer)" 'verdict'

record -o hung.db -- ./hung >/dev/null
for try in rerun:INT rerun:TERM rerun:KILL snapshot:INT snapshot:KILL; do
    how=${try%:*} signal=${try#*:}
    set -m # else bash has SIGINT ignored
    "$DEARTH" replay --mode both --how "$how" --in start_job --retest --jobs 2 hung.db >err 2>&1 &
    dearth=$!
    set +m
    # The baseline is over when the plan is announced; attempts hang for two seconds then.
    seen=
    for _ in $(seq 300); do
        if grep -q 'to try' err && [ -n "$(processes_below "$work")" ]; then
            seen=1
            break
        fi
        sleep 0.02
    done
    [ -n "$seen" ] || fail "no attempt was seen running: $(cat err)"
    kill -s "$signal" "$dearth"
    wait "$dearth" 2>/dev/null || :
    none_below "$work"
    equal ok "$(sqlite3 hung.db 'PRAGMA integrity_check')" "database after SIG$signal, by $how"
done
