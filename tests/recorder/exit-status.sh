#!/usr/bin/env bash
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
