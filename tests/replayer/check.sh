#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check: 0 when the gate holds, 1 when it fails, 2 when dearth could not do its job.
. "$(dirname "$0")/../lib.sh"

check() {
    local wanted=$1 db=$2
    shift 2
    status "$wanted" "$DEARTH" check -o "$db.db" "$@"
}
check 0 reported -- "$PROGRAMS/reported"
check 1 crashed -- "$PROGRAMS/crashed"
contains out new_node
check 0 aborted -- "$PROGRAMS/aborted"
check 1 aborted2 --fail-on policy -- "$PROGRAMS/aborted"
check 1 degraded --fail-on warning -- "$PROGRAMS/degraded"
check 0 degraded2 -- "$PROGRAMS/degraded"
check 1 coverage --min-coverage 90 --limit 1 -- "$PROGRAMS/corrupted-double-free-fixed"
check 2 missing -- ./no-such-program
contains err no-such-program
check 2 static -- "$PROGRAMS/hello-static"
contains err static
check 2 usage --no-such-option -- true
# What cannot be is said before the program is run, not after hours of work.
echo '{}' >no-report.json
for wrong in --report=/no/such/folder/r.json --html=/no/such/folder/p.html --baseline=no-report.json \
    --jobs=2000 --occurrence=9th --how=sweep\ --depth=2; do
    IFS=' ' read -ra options <<<"$wrong"
    check 2 too-early "${options[@]}" -- touch was-run
done
[ ! -e was-run ] || fail 'the program was run'

# Attempts say nothing of the recorded run where the program does something else without any fault.
check 2 differs --in-place -- "$PROGRAMS/differs"
contains err UNDECIDED
contains err baseline_differs
status 2 "$DEARTH" report --gate -o differs.json differs.db
check 0 differs-fixed -- "$PROGRAMS/differs-fixed"
# Once what is around it is as it was, the same sites can be tested again.
rm differs-was-here
status 0 "$DEARTH" replay --retest differs.db
status 0 "$DEARTH" report --gate -o differs.json differs.db

# Ctrl-C: what was done is kept, and the way to go on is said, whoever keeps the database.
set -m # else bash has SIGINT ignored
"$DEARTH" check -q -o broken-off.db -- "$PROGRAMS/hung" >out 2>err &
dearth=$!
set +m
for _ in $(seq 600); do
    [ "$(sql broken-off.db 'SELECT count(*) FROM replay' 2>/dev/null || echo 0)" = 0 ] || break
    sleep 0.05
done
kill -INT "$dearth"
seen=0
wait "$dearth" || seen=$?
equal 130 "$seen" 'exit status after Ctrl-C'
contains err 'dearth replay broken-off.db'

# Told to end while the program is recorded: nothing is replayed, however the program takes it.
"$DEARTH" check -q --in-place -o told.db -- sh -c 'trap "exit 0" TERM; : >told; while :; do sleep 0.05; done' >out 2>err &
dearth=$!
for _ in $(seq 600); do
    [ ! -e told ] || break
    sleep 0.05
done
kill -TERM "$dearth"
seen=0
wait "$dearth" || seen=$?
equal 130 "$seen" 'exit status after SIGTERM'
contains err 'nothing was replayed'
equal 0 "$(sql told.db 'SELECT count(*) FROM replay')" 'replays after SIGTERM'

# What is known already does not fail the gate again.
"$DEARTH" report -o known.json crashed.db
check 0 again --baseline known.json -- "$PROGRAMS/crashed"
check 2 lost --baseline no-such.json -- "$PROGRAMS/crashed"
