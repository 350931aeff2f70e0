#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a program did before SIGKILL is kept; when dearth itself is killed the program runs on and the
# database stays valid.
. "$(dirname "$0")/../lib.sh"

status 137 "$DEARTH" record -o target.db -- "$PROGRAMS/signals" kill 9
equal '|9' "$(sql target.db 'SELECT exit_code, exit_signal FROM recording')" 'end'

mkfifo go
cat >program.sh <<'S'
echo "$$" >pid
echo before
read -r _ <go
seq 3 | sort -r
echo after
S
"$DEARTH" record -o dearth.db -- sh program.sh >out 2>err &
dearth=$!
for _ in $(seq 200); do
    grep -q before out && break
    sleep 0.05
done
grep -q before out || fail 'the program did not start'
kill -KILL "$dearth"
wait "$dearth" 2>/dev/null || :
timeout 10 sh -c 'echo go >go' || fail 'the program is gone with dearth'
for _ in $(seq 200); do
    grep -q after out && break
    sleep 0.05
done
equal 'before 3 2 1 after' "$(tr '\n' ' ' <out | sed 's/ $//')" 'the program went on'
equal ok "$(sqlite3 dearth.db 'PRAGMA integrity_check')" 'database'
arena=$(sql dearth.db 'SELECT session FROM recording')
[ -f "$arena" ] || fail 'the shared memory is gone with dearth'
status 0 "$DEARTH" recover dearth.db
[ ! -e "$(dirname "$arena")" ] || fail "recover left $arena behind"
equal recovered "$(sql dearth.db 'SELECT state FROM recording')" 'state'
