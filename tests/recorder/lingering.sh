#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The program ends, a child of it goes on: dearth says that it waits, Ctrl-C ends the recording, the
# child lives.
. "$(dirname "$0")/../lib.sh"

mkfifo go
cat >program.sh <<'S'
sh -c 'echo $$ >pid; read -r _ <go; echo over >over' &
echo started
exit 4
S
set -m # else a background job ignores SIGINT
"$DEARTH" record -- sh program.sh >out 2>err &
dearth=$!
set +m
for _ in $(seq 200); do
    grep -q 'waiting for' err && break
    sleep 0.05
done
contains err 'waiting for 1 process'
contains err Ctrl-C
kill -INT "$dearth"
seen=0
wait "$dearth" || seen=$?
equal 4 "$seen" 'status of the program'
equal 'interrupted|4|0' "$(sql dearth.db 'SELECT state, exit_code, exact FROM recording')" 'recording'
equal 1 "$(sql dearth.db "SELECT count(*) > 0 FROM process WHERE \"end\" = 'running'")" 'running'
contains err 'still running'
kill -0 "$(cat pid)" || fail 'the child was killed'
timeout 10 sh -c 'echo go >go' || fail 'the child is gone'
for _ in $(seq 200); do
    [ -e over ] && break
    sleep 0.05
done
[ -e over ] || fail 'the child did not go on'

# Nobody ends it: the recording lasts as long as the child.
cat >patient.sh <<'S'
sh -c 'sleep 0.3; sort </dev/null' &
S
record -o patient.db -- sh patient.sh
equal 'complete|1' "$(sql patient.db 'SELECT state, exact FROM recording')" 'waited'
equal 1 "$(sql patient.db "SELECT count(*) FROM process WHERE exe LIKE '%/sort'")" 'late child'
equal 0 "$(sql patient.db "SELECT count(*) FROM process WHERE \"end\" = 'running'")" 'all ended'
