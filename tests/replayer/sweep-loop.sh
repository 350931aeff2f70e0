#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A loop without end and without a client takes its faults in turn; and a sweep that is broken off
# leaves no process and a database with which another replay goes on.
# tags: waits unsanitized
. "$(dirname "$0")/../lib.sh"
. "$SOURCE/tests/replayer/sweep-lib.sh"

cp "$PROGRAMS/loop" "$PROGRAMS/loop-fixed" "$PROGRAMS/server" .
record --stop-after 1s -- ./loop
replay --how sweep --mode once --timeout 2s --repeat 1
equal crashed "$(site_verdicts dearth.db once new_message)" 'new_message'
equal hung "$(site_verdicts dearth.db once new_job)" 'new_job'
id=$(sql dearth.db "SELECT id FROM finding WHERE verdict = 'crashed'")
status 0 "$DEARTH" repro dearth.db "$id"
contains err 'showed again'
none_below "$work"

status 0 "$DEARTH" check --how sweep --mode once -o fixed.db -- ./loop-fixed
equal handled "$(site_verdicts fixed.db once 'new_*')" 'the corrected twin'
contains out 'sweep'

# What does not go together is said.
status 2 "$DEARTH" replay --drive true dearth.db
contains err '--health'
status 2 "$DEARTH" replay --how rerun --health true dearth.db
contains err '--how sweep'
status 2 "$DEARTH" replay --how sweep --health true --depth 2 dearth.db
contains err '--depth 2'
status 125 "$DEARTH" record -o other.db --health false --ready-timeout 200ms -- ./loop
contains err '--health did not succeed'
status 2 "$DEARTH" replay --health false --ready-timeout 300ms --retest dearth.db
contains err '--health did not succeed'
none_below "$work"

# Broken off in the middle of an attempt: a drive command that waits tells when.
port=$(free_port)
make_client "$port"
drive='./ask "echo hello" && ./ask list && echo now >>'$work'/driven && sleep 0.3'
# shellcheck disable=SC2016
options=(--drive "$drive" --health '[ "$(./ask health)" = healthy ]' --isolation shared)
record -o broken.db --drive "$drive" --health "${options[3]}" -- ./server "$port"
for signal in INT KILL; do
    : >driven
    set -m # else bash has SIGINT ignored
    "$DEARTH" replay "${options[@]}" --retest --timeout 3s --mode once broken.db >err 2>&1 &
    dearth=$!
    set +m
    seen=
    for _ in $(seq 600); do
        if grep -q 'to try' err && [ "$(sql broken.db 'SELECT count(*) FROM attempt')" -gt 0 ]; then
            seen=1
            break
        fi
        sleep 0.05
    done
    [ -n "$seen" ] || fail "no attempt was seen running: $(cat err)"
    kill -s "$signal" "$dearth"
    wait "$dearth" 2>/dev/null || :
    none_below "$work"
    equal ok "$(sqlite3 broken.db 'PRAGMA integrity_check')" "database after SIG$signal"
done
before=$(sql broken.db 'SELECT count(*) FROM attempt')
replay "${options[@]}" --timeout 3s --repeat 1 --mode once broken.db
contains err 'replayed'
equal hung "$(site_verdicts broken.db once get_list)" 'after going on'
equal 0 "$(sql broken.db "SELECT count(*) FROM (SELECT 1 FROM attempt GROUP BY site_id, occurrence, mode
    HAVING count(*) > 1 AND max(severity NOT IN ('ok', 'none')) = 0 AND max(verdict = 'unreached') = 0)")" \
    'faults done twice'
[ "$before" -gt 0 ] || fail 'nothing was done before'

none_below "$work"
