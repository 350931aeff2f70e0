#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A signal sent to dearth reaches the program, whose own answer counts; one sent to the whole process
# group (Ctrl-C) ends the program, and the recording is complete.
. "$(dirname "$0")/../lib.sh"

wait_for_line() { # FILE LINE
    for _ in $(seq 200); do
        grep -qx "$2" "$1" 2>/dev/null && return 0
        sleep 0.05
    done
    fail "no '$2' in $1"
}

"$DEARTH" record -- "$PROGRAMS/signals" wait >out 2>err &
dearth=$!
wait_for_line out ready
kill -TERM "$dearth"
seen=0
wait "$dearth" || seen=$?
equal 5 "$seen" 'status after SIGTERM to dearth'
equal term "$(tail -n 1 out)" 'the program handled it'
equal 'complete|5' "$(sql dearth.db 'SELECT state, exit_code FROM recording')" 'recording'

rm -f dearth.db* out
set -m # a process group of its own
"$DEARTH" record -- "$PROGRAMS/signals" wait >out 2>err &
dearth=$!
set +m
wait_for_line out ready
kill -INT -- "-$dearth"
seen=0
wait "$dearth" || seen=$?
equal 130 "$seen" 'status after SIGINT to the group'
equal '|2' "$(sql dearth.db 'SELECT exit_code, exit_signal FROM recording')" 'recorded end'
none_below "$PROGRAMS/signals"
