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

how=(--how rerun)
equal 'reported left_running remains' "$(look "$PROGRAMS/remains" help)" 'reported, by rerun'
contains shown "warning: reported: exit status 1, but $PROGRAMS/remains was left running"
contains shown 'still there'
how=(--how snapshot)
equal 'handled left_running remains' "$(look "$PROGRAMS/remains" help on)" 'handled, by snapshot'
contains shown "warning: handled: exit status 0, but $PROGRAMS/remains was left running"
equal 'left running|remains!new_text' "$(sql dearth.db 'SELECT identity FROM finding')" 'its identity'
how=(--no-trace)
equal 'reported left_running remains' "$(look "$PROGRAMS/remains" help)" 'without a tracer'
how=()
for left in 'remains-fixed help' 'remains-fixed help on' 'remains reader' 'remains daemon'; do
    read -ra command <<<"$left"
    equal '' "$(look "$PROGRAMS/${command[0]}" "${command[@]:1}")" "none: $left"
done
none_below "$PROGRAMS/remains"
