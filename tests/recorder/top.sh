#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# dearth top: what a recording and a replay have come to, while they run and after; by file and by pid; on a terminal and in a
# pipe; it ends by itself, with q and with Ctrl-C.
. "$(dirname "$0")/../lib.sh"
need python3 tmux

unset TMUX
export TERM=xterm
term() {
    tmux -S "$work/t" -f /dev/null "$@"
}
trap 'touch stop; term kill-server 2>/dev/null || :; wait; rm -rf "$work"' EXIT

# until SECONDS COMMAND...: it succeeds within that time.
until_() {
    local tries=$(($1 * 10))
    shift
    for _ in $(seq "$tries"); do
        ! "$@" || return 0
        sleep 0.1
    done
    tail -n 50 out err screen >&2 2>/dev/null || :
    fail "not within $tries tries: $*"
}
# An interpreter that asks malloc for its objects, until a file says stop.
cat >busy.py <<'P'
import os, sys, time
open("pid", "w").write(str(os.getpid()))
held = []
while not os.path.exists("stop"):
    held.append(bytes(100000))
    time.sleep(0.01)
P
begin() {
    rm -f stop pid
    "$DEARTH" record -q -o "$1" -- python3 busy.py $'\x1b[2J\u202e' &
    recorder=$!
    until_ 60 test -s pid
}

# Nothing there; nothing that runs.
status 2 "$DEARTH" top
contains err 'no such database'
status 2 "$DEARTH" top --once $$
contains err "process $$ is not being recorded"
status 2 "$DEARTH" top 99999999
contains err 'no process 99999999'
record -o done.db -- "$PROGRAMS/hello"
status 0 "$DEARTH" top done.db
contains out 'complete'
contains out "$(sql done.db 'SELECT allocations FROM recording') allocations"
contains out 'nothing runs in it any more'
status 0 "$DEARTH" top --once done.db
lacks out 'any more'

# While it is recorded: by file, by the program's pid, by dearth's.
begin live.db
once() {
    "$DEARTH" top --once "$1" >out 2>err && grep -q '  recording, ' out && grep -q '\[[mc]alloc\]' out
}
until_ 60 once live.db
contains out '\x1b[2J\xe2\x80\xae'
! grep -q $'\x1b' out || fail 'an argument steers the terminal'
once "$(cat pid)" || fail 'by the pid of the program'
once "$recorder" || fail 'by the pid of its dearth'

# Line by line; commits come sooner than every ten seconds: eight different sums in 30 s.
"$DEARTH" top live.db >follow &
top=$!
sums() {
    [ "$(grep -o '[0-9,]* allocations' follow | sort -u | wc -l)" -ge 8 ]
}
until_ 30 sums
contains follow '/s) of '

# On a terminal.
show="'$DEARTH' top live.db; echo ended \$?; exec sleep 600"
term new-session -d -x 80 -y 24 "$show"
sees() {
    term capture-pane -p >screen
    grep -qF -- "$1" screen
}
until_ 30 sees 'q ends, s changes the order'
until_ 30 sees '/s)'
python3 -c 'import sys; sys.exit(any(len(l.rstrip("\n")) > 80 for l in open("screen")))' || fail 'a line is too wide'
term send-keys s
term resize-window -x 40 -y 10
until_ 30 sees 'recording'
term resize-window -x 120 -y 30
until_ 30 sees 'q ends, s changes the order'
term send-keys q
until_ 30 sees 'ended 0'
term kill-server
rm -f t
term new-session -d -x 80 -y 24 "$show"
until_ 30 sees 'q ends, s changes the order'
term send-keys C-c
until_ 30 sees 'ended 130'

# It ends with the recording.
touch stop
wait "$recorder"
ended=0
wait "$top" || ended=$?
equal 0 "$ended" 'status of top when the recording has ended'
contains follow 'nothing runs in it any more'
contains follow "complete"

# A dearth that was killed is not waited for.
begin killed.db
until_ 60 once killed.db
kill -9 "$recorder"
wait "$recorder" || :
status 0 timeout 120 "$DEARTH" top killed.db
contains out 'its dearth is gone'
touch stop

# A replay.
record -o slow.db -- sh -c 'sleep 0.2; echo $((1 + 1))'
"$DEARTH" replay -q -j 1 slow.db >/dev/null 2>&1 &
replayer=$!
replays() {
    "$DEARTH" top --once slow.db >out 2>err && grep -qE '^replay 1: [0-9]+ of [1-9][0-9]* faults' out
}
until_ 120 replays
kill -TERM "$replayer" 2>/dev/null || :
wait "$replayer" || :
