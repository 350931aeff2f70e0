#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tags: waits
# What a failure leaves running, whether it is reported or handled. What ends by itself, and what every run
# leaves, is none.
. "$(dirname "$0")/../lib.sh"

# look PROGRAM ARGUMENT...: what is left, each once; the report is in 'shown'.
look() {
    rm -f dearth.db*
    record -- "$@" >/dev/null
    replay "${how[@]}" --leaks off --guard off >&2
    "$DEARTH" report --format text >shown
    sql dearth.db "SELECT f.verdict || ' ' || json_extract(a.differs, '\$[0].how') || ' ' ||
            replace(json_extract(a.differs, '\$[0].path'), '$PROGRAMS/', '')
        FROM finding f JOIN attempt a ON a.id = f.attempt_id WHERE f.severity = 'warning' ORDER BY 1"
}

# wants WANTED WHAT PROGRAM ARGUMENT...
wants() {
    local seen
    seen=$(look "${@:3}")
    equal "$1" "$seen" "$2"
}

how=(--how rerun)
wants 'reported left_running remains' 'reported, by rerun' "$PROGRAMS/remains" help
contains shown "warning: reported: exit status 1, but process $PROGRAMS/remains was left running"
contains shown 'still there'
how=(--how snapshot)
wants 'handled left_running remains' 'handled, by snapshot' "$PROGRAMS/remains" help on
contains shown "warning: handled: exit status 0, but process $PROGRAMS/remains was left running"
equal 'left running|remains!new_text' "$(sql dearth.db 'SELECT identity FROM finding')" 'its identity'
how=(--no-trace)
wants 'reported left_running remains' 'without a tracer' "$PROGRAMS/remains" help
how=()
for left in 'remains-fixed help' 'remains-fixed help on' 'remains reader' 'remains daemon'; do
    read -ra command <<<"$left"
    wants '' "none: $left" "$PROGRAMS/${command[0]}" "${command[@]:1}"
done
none_below "$PROGRAMS/remains"
