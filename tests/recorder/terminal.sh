#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# On a terminal a recorded program is stopped by Ctrl-Z and goes on by fg, gets Ctrl-C and a hangup, each as without
# dearth, and the recording is complete.
. "$(dirname "$0")/../lib.sh"
need python3

cat >terminal.py <<'P'
# A small shell: runs COMMAND as a job in the foreground of a new terminal; KEYS says what its user does.
import os, pty, signal, sys, time
keys, command = sys.argv[1], sys.argv[2:]

def shell(report):
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = os.fork()
    if not job:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execv(command[0], command)
    signal.signal(signal.SIGHUP, lambda *_: os.killpg(job, signal.SIGHUP))  # as shells do
    while True:
        _, status = os.waitpid(job, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            os.write(report, b'stopped ')
            os.tcsetpgrp(0, os.getpgrp())
            time.sleep(0.3)
            os.tcsetpgrp(0, job)  # fg
            os.killpg(job, signal.SIGCONT)
            os.write(report, b'continued ')
            continue
        os.write(report, f'status {os.waitstatus_to_exitcode(status)}'.encode())
        os._exit(0)

heard, said = os.pipe()
pid, terminal = pty.fork()
if not pid:
    shell(said)
os.close(said)
seen = b''
while b'ready' not in seen:
    seen += os.read(terminal, 1000)
for key in keys:
    os.set_blocking(terminal, False)
    if key == 'Z':
        os.write(terminal, b'\x1a')
        words = b''
        while b'continued' not in words:
            words += os.read(heard, 100)
        print(words.decode().strip(), end=' ')
    elif key == 'C':
        os.write(terminal, b'\x03')
    elif key == 'H':
        os.close(terminal)
while b'status' not in (words := os.read(heard, 100)):
    pass
print(words.decode())
P

told() { # FILE: what the program has seen
    sed -n 's/ *end.*//p' "$1" | tr -d '\r'
}
for try in C:INT=1 ZC:INT=1 ZZC:INT=1 H:HUP=1; do
    rm -f dearth.db* seen
    timeout 60 python3 terminal.py "${try%:*}" "$DEARTH" record -- "$PROGRAMS/told" 400 seen >out
    equal "${try#*:}" "$(told seen)" "what came of ${try%:*}"
    equal 'status 7' "$(grep -o 'status.*' out)" 'status'
    equal 'complete|7|1' "$(sql dearth.db 'SELECT state, exit_code, exact FROM recording')" 'recording'
done
