#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# However a user ends a replay, a check or a repro, and however often he says so: within a moment it has ended with
# its status, no row says that it runs, and no process, session or temporary database of it is left.
# tags: waits unsanitized
. "$(dirname "$0")/../lib.sh"
. "$SOURCE/tests/replayer/sweep-lib.sh"
need python3

mkdir tmp
export TMPDIR=$work/tmp
touch stamp
# press.py FILE WORDS SIGNALS COMMAND...: start it, with nothing ignored; when FILE has WORDS (or after +SECONDS)
# send it the SIGNALS, 50 ms apart. Its process id and status go to standard output.
cat >press.py <<'P'
import os, signal, subprocess, sys, time
file, words, signals, command = sys.argv[1], sys.argv[2], sys.argv[3].split(','), sys.argv[4:]
process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=open('out', 'w'), stderr=open('err', 'w'),
    start_new_session=True, restore_signals=True)
until = time.time() + (float(words) if words[0] == '+' else 60)
while words not in open(file).read() and process.poll() is None and time.time() < until:
    time.sleep(0.005)
for name in signals:
    time.sleep(0.05)
    if process.poll() is None:
        os.kill(process.pid, getattr(signal, 'SIG' + name))
try:
    print(process.pid, process.wait(20))
except subprocess.TimeoutExpired:
    print(process.pid, 'goes on')
    process.kill()
P

# press WORDS SIGNALS STATUS COMMAND...
press() {
    local words=$1 signals=$2 wanted=$3 pid seen
    shift 3
    read -r pid seen < <(python3 press.py err "$words" "$signals" "$@")
    [ "$seen" = "$wanted" ] || cat err >&2
    equal "$wanted" "$seen" "status after $signals of $1 $2"
    none_below "$work"
    equal '' "$(find /dev/shm "$TMPDIR" -maxdepth 1 -name "dearth-$pid-*" -newer stamp)" 'sessions left'
}
states() { # DATABASE
    equal ok "$(sqlite3 "$1" 'PRAGMA integrity_check')" 'database'
    equal '0|0|0' "$(sql "$1" "SELECT (SELECT count(*) FROM recording WHERE state = 'running'),
        (SELECT count(*) FROM replay WHERE state = 'running'), (SELECT count(*) FROM unchecked_attempt)")" \
        'recordings and replays that run, attempts that are not checked'
}

cp "$PROGRAMS/hung" "$PROGRAMS/told" .
record -o hung.db -- ./hung >/dev/null
for signals in HUP QUIT INT,INT INT,INT,INT TERM,HUP,QUIT,INT; do
    press 'to try' "$signals" 130 "$DEARTH" replay --how rerun --timeout 1h --retest --jobs 2 hung.db
    states hung.db
done
press 'to try' INT,INT 130 "$DEARTH" replay --how snapshot --timeout 1h --retest hung.db
states hung.db
# Before there is anything to stop, too: the baseline runs hang here.
mkfifo said
"$DEARTH" record -q -o told.db -- ./told forever >said 2>/dev/null &
recorder=$!
read -r _ <said
xargs kill -KILL <<<"$(processes_below "$work")"
wait "$recorder" || :
for signals in INT QUIT,HUP; do
    press +1 "$signals" 130 "$DEARTH" replay told.db
    states told.db
done
# Nobody reads any more.
(set +o pipefail; "$DEARTH" replay --how rerun --timeout 300ms --retest hung.db 2>&1 | head -n 1 >/dev/null)
none_below "$work"
states hung.db

# A finding is being shown again: it hangs.
"$DEARTH" replay --how rerun --timeout 300ms --retest --in start_job --mode once --repeat 0 hung.db >err 2>&1
sqlite3 hung.db 'UPDATE replay SET time_limit_ns = 3600000000000'
id=$(sql hung.db 'SELECT max(id) FROM finding')
for signals in HUP INT,INT TERM; do
    press 'fails' "$signals" 130 "$DEARTH" repro hung.db "$id"
done

# check, in its replay: the temporary database is kept and named, or gone.
press 'to try' INT,INT 130 "$DEARTH" check --how rerun --timeout 1h -- ./hung
contains err 'goes on'
equal 1 "$(find tmp -name dearth.db | wc -l)" 'databases kept to go on with'
states "$(find tmp -name dearth.db)"
rm -rf tmp/*

# A server that is driven for ever.
port=$(free_port)
make_client "$port"
cp "$PROGRAMS/server" .
health='[ "$(./ask health)" = healthy ]'
record --health "$health" --drive './ask "echo hello"' -o server.db -- ./server "$port"
for signals in HUP INT,INT; do
    press +1 "$signals" 130 "$DEARTH" replay --health "$health" --drive 'touch driven; sleep 1000' server.db
    equal '' "$(processes_in "$work")" 'processes that work there'
    states server.db
done
# While it is recorded the drive has a limit; what it has started ends with it, and with dearth.
status 125 "$DEARTH" record --health "$health" --drive 'sleep 1000 & sleep 1000; :' --drive-timeout 1s -o limit.db -- \
    ./server "$port"
contains err 'drive-timeout'
equal '' "$(processes_in "$work")" 'processes that work there'
states limit.db
status 2 "$DEARTH" check --health "$health" --drive 'sleep 1000 & sleep 1000; :' --drive-timeout 1s -- ./server "$port"
equal '' "$(ls tmp)$(processes_in "$work")" 'what is left of a check whose drive hangs'
rm -f driven
setsid "$DEARTH" record --drive 'touch driven; sleep 1000 & sleep 1000; :' -o killed.db -- ./server "$port" 2>/dev/null &
dearth=$!
for _ in $(seq 300); do
    [ ! -e driven ] || break
    sleep 0.05
done
kill -KILL "$dearth"
wait "$dearth" 2>/dev/null || :
for _ in $(seq 100); do
    left=$(processes_in "$work")
    [ "$(wc -l <<<"$left")" -gt 1 ] || break
    sleep 0.1
done
equal server "$(ps -o comm= -p "$left")" 'what runs on when dearth is killed'
kill -KILL "$left"
status 0 "$DEARTH" recover killed.db
states killed.db
