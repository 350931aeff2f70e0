#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The program's own exit status and signal are dearth's.
. "$(dirname "$0")/../lib.sh"

for n in 0 1 2 42 125 255; do
    status "$n" "$DEARTH" record -o "exit$n.db" -- "$PROGRAMS/signals" exit "$n"
    equal "$n|" "$(sql "exit$n.db" 'SELECT exit_code, exit_signal FROM recording')" 'recorded end'
done
for n in 6 9 11 15 31; do
    status $((128 + n)) "$DEARTH" record -o "kill$n.db" -- "$PROGRAMS/signals" kill "$n"
    equal "|$n" "$(sql "kill$n.db" 'SELECT exit_code, exit_signal FROM recording')" 'recorded end'
    equal 1 "$(sql "kill$n.db" "SELECT sum(count) FROM site_stat JOIN site ON site.id = site_id
        JOIN location ON location.id = location_id WHERE location.function = 'main'")" \
        "allocation before signal $n is kept"
done
contains err seccomp

# Each process says how it ended; what only its parent was told is known when the kernel still says it.
"$DEARTH" record -q -o ends.db -- "$PROGRAMS/ends" || :
equal $'first|exit|3|\nfork|exit|10|\nfork|exit|11|\nfork|exit|12|\nfork|exit|13|\nfork|exit|14|' \
    "$(sql ends.db 'SELECT origin, "end", exit_code, exit_signal FROM process ORDER BY ordinal LIMIT 6')" 'ends of processes'
equal 2 "$(sql ends.db 'SELECT allocations FROM process WHERE ordinal = 6')" 'what came after a vfork child has ended'
equal '15|15' "$(sql ends.db "SELECT (SELECT coalesce(exit_code, 15) FROM process WHERE ordinal = 7),
    (SELECT coalesce(exit_signal, 15) FROM process WHERE ordinal = 8)")" 'by the system call, by a signal'
equal killed "$(sql ends.db 'SELECT "end" FROM process WHERE ordinal = 8')" 'a child that a signal ended'
