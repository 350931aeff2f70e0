#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Whatever a program is sent by way of dearth, by its process group, or by each process of a service at a
# time, it sees once, as it does without dearth; and what asks for an end ends nothing but the program.
. "$(dirname "$0")/../lib.sh"
need python3

cat >send.py <<'P'
# send.py WAY SIGNAL VALUE COMMAND...: start it in a session of its own, with nothing ignored; when it
# has said "ready", send SIGNAL one way; print its last line and its status.
import os, signal, subprocess, sys, time
way, name, value, command = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]
number = signal.SIGRTMIN if name == 'RTMIN' else getattr(signal, 'SIG' + name)
if way == 'timeout':  # timeout(1) tells its child, then its group
    command = ['timeout', '-s', name, '0.6'] + command

def children(pid):
    for line in os.popen('ps -o pid=,ppid= -A').read().splitlines():
        child, parent = map(int, line.split())
        if parent == pid:
            yield child
            yield from children(child)

process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=open('err', 'w'),
    start_new_session=True, text=True)
assert process.stdout.readline() == 'ready\n'
if way == 'group':
    os.killpg(process.pid, number)
elif way == 'alone':
    os.kill(process.pid, number)
elif way == 'queue':
    subprocess.run(['kill', '-q', str(value), '-s', 'RTMIN', str(process.pid)], check=True)
elif way == 'each':  # as a service manager does, slowly
    for pid in [process.pid] + list(children(process.pid)):
        os.kill(pid, number)
        time.sleep(0.005)
elif way == 'twice':
    os.kill(process.pid, number)
    time.sleep(0.3)
    os.killpg(process.pid, number)
print(process.stdout.read().strip(), process.wait())
P

for try in group:HUP group:INT group:TERM group:WINCH alone:INT alone:HUP alone:USR1 each:TERM; do
    way=${try%:*} name=${try#*:}
    rm -f dearth.db*
    equal "$name=1 end 7" "$(python3 send.py "$way" "$name" 0 "$DEARTH" record -- "$PROGRAMS/told" 400)" "SIG$name, $way"
    contains err 'events'
    equal 'complete|7' "$(sql dearth.db 'SELECT state, exit_code FROM recording')" 'recording'
done
equal 'RTMIN=1 value=42 end 7' \
    "$(python3 send.py queue RTMIN 42 "$DEARTH" record -o queue.db -- "$PROGRAMS/told" 400)" 'sigqueue, alone'
equal 'RTMIN=1 value=0 end 7' \
    "$(python3 send.py group RTMIN 0 "$DEARTH" record -o queue.db -- "$PROGRAMS/told" 400)" 'real-time signal, group'
equal 'TERM=2 end 7' \
    "$(python3 send.py twice TERM 0 "$DEARTH" record -o twice.db -- "$PROGRAMS/told" 700)" 'one alone, one to the group'

# timeout(1) sends two, one of them to the group: as without dearth the program may see one or both.
python3 send.py timeout TERM 0 "$DEARTH" record -o timeout.db -- "$PROGRAMS/told" 400 >seen
grep -qx 'TERM=1 end 124' seen || fail "with timeout: $(cat seen)"

# Ignored when dearth was started, so ignored by the program; what it catches itself reaches it.
equal 'INT=1 end 7' "$(python3 -c "
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
sys.argv = ['send.py', 'alone', 'INT', '0', '$DEARTH', 'record', '-o', 'ignored.db', '--', '$PROGRAMS/told', '400']
exec(open('send.py').read())")" 'SIGINT, ignored before'

# check remembers what ended the program, and that it was asked to end.
for try in group:INT alone:TERM group:HUP; do
    way=${try%:*} name=${try#*:}
    rm -f dearth.db*
    equal "$name=1 end 130" "$(python3 send.py "$way" "$name" 0 "$DEARTH" check --in-place -o dearth.db -- "$PROGRAMS/told" 100)" \
        "check, SIG$name, $way"
    contains err 'interrupted while recording'
    equal 'complete|7|0' "$(sql dearth.db 'SELECT state, exit_code, (SELECT count(*) FROM replay) FROM recording')" \
        'recording, replays'
done
mkdir tmp
TMPDIR=$work/tmp python3 send.py group INT 0 "$DEARTH" check --in-place -- "$PROGRAMS/told" 100
equal '' "$(ls tmp)" 'what check leaves'
