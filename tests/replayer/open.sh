#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a failure leaves open, locked, or not waited for while the program goes on. Who ends the program, or is main(), may leave
# them to the kernel.
. "$(dirname "$0")/../lib.sh"

# look PROGRAM ARGUMENT...: what is left open, each once; the report is in 'shown'.
look() {
    rm -f dearth.db*
    record -- "$@" >/dev/null
    replay --how "$how" --guard off >&2
    "$DEARTH" report --format text >shown
    sql dearth.db "SELECT f.verdict || ' ' || json_extract(a.differs, '\$[0].how') || ' ' ||
            json_extract(a.differs, '\$[0].path') || ' ' || json_extract(a.differs, '\$[0].detail')
        FROM finding f JOIN attempt a ON a.id = f.attempt_id WHERE f.severity = 'warning' ORDER BY 1"
}

# wants WANTED WHAT PROGRAM ARGUMENT...
wants() {
    local seen
    seen=$(look "${@:3}")
    equal "$1" "$seen" "$2"
}

for how in rerun snapshot; do
    wants 'reported left_open /etc/passwd opened in handle' "reported, by $how" "$PROGRAMS/open" handle
    contains shown 'warning: reported: exit status 1, but the descriptor of /etc/passwd was left open'
    contains shown '(opened in handle)'
    equal 'left open|open!new_text' "$(sql dearth.db 'SELECT identity FROM finding')" 'its identity'
    wants 'handled left_open /etc/passwd opened in handle' "handled, by $how" "$PROGRAMS/open" handle on
    here=$(pwd -P)
    wants 'handled left_open pipe opened in handle_pipe' "a pipe, by $how" "$PROGRAMS/open" pipe on
    wants 'reported left_open pipe opened in handle_pipe' "a pipe, reported, by $how" "$PROGRAMS/open" pipe
    wants 'handled left_open socket opened in handle_pair' "a pair, by $how" "$PROGRAMS/open" pair on
    wants "handled left_open $here/served0 opened in handle_copy" "a copy, by $how" "$PROGRAMS/open" copy on
    wants "handled left_locked $here/served0 locked in handle_lock" "a lock, by $how" "$PROGRAMS/open" lock on
    contains shown "warning: handled: exit status 0, but $here/served0 was left locked"
    equal 'left locked|open!new_text' "$(sql dearth.db 'SELECT identity FROM finding')" "a lock's identity"
    wants "reported left_locked $here/served0 locked in handle_record" "a record, by $how" "$PROGRAMS/open" record
    wants 'handled left_unreaped open made in handle_child' "a child, by $how" "$PROGRAMS/open" child on
    contains shown 'but the child process open was not waited for'
    wants 'reported left_unreaped open made in handle_child' "a child, reported, by $how" "$PROGRAMS/open" child
    for left in 'open-fixed handle' 'open-fixed handle on' 'open-fixed pipe on' 'open-fixed pair on' 'open-fixed copy on' \
        'open-fixed lock on' 'open-fixed record on' 'open-fixed child on' 'open-fixed child' 'open main' 'open main on' 'open die' 'open die on' \
        'open once'; do
        read -ra command <<<"$left"
        wants '' "none, by $how: $left" "$PROGRAMS/${command[0]}" "${command[@]:1}"
    done
done
