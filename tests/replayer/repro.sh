#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# repro shows a finding again, with the program's own output and status; under gdb it stops at the
# failing call.
. "$(dirname "$0")/../lib.sh"

record -- "$PROGRAMS/crashed" >/dev/null
replay --mode once
id=$(sql dearth.db "SELECT id FROM finding WHERE verdict = 'crashed'")
seen=0
"$DEARTH" repro "$id" >out 2>err || seen=$?
[ "$seen" != 2 ] || fail "$(cat err)"
cat out err >both
contains both crashed
contains both new_node
contains both "    link_node ($SOURCE/tests/programs/crashed.c:"
status 2 "$DEARTH" repro 4711
contains err 4711

# Started elsewhere, the program still finds in PWD the folder that it is in: shells go by that.
record -o pwd.db -- printenv PWD >/dev/null
(cd / && "$DEARTH" replay -q --limit 1 "$work/pwd.db")
equal "$work" "$(sql pwd.db 'SELECT DISTINCT trim(stdout, char(10)) FROM baseline')" 'PWD elsewhere'

if command -v gdb >/dev/null; then
    printf 'bt\nkill\nquit\n' | timeout 60 "$DEARTH" repro --gdb "$id" >gdb.txt 2>&1 || :
    contains gdb.txt new_node
    contains gdb.txt link_node
fi
