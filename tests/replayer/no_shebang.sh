#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A script without "#!" is run by the shell, recorded and in every attempt, as a user's own shell does it.
. "$(dirname "$0")/../lib.sh"

printf 'echo "$0 $@ from $(basename "$PWD")"\n"%s/hello" >hello.out\nexit 7\n' "$PROGRAMS" >script
chmod +x script
status 7 "$DEARTH" record -o a.db -- ./script one 'two words'
equal "./script one two words from $(basename "$PWD")" "$(cat out)" 'its output'
"$DEARTH" replay -q --limit 20 --mode once --how rerun a.db >replay.out 2>replay.err || {
    cat replay.err >&2
    fail 'the replay'
}
[ "$(sql a.db 'SELECT count(*) FROM attempt')" -ge 20 ] || fail 'not all faults were tried'
[ "$(sql a.db "SELECT count(*) FROM attempt WHERE verdict <> 'unreached'")" -ge 15 ] || fail 'they did not come to their calls'
equal 7 "$(sql a.db 'SELECT DISTINCT exit_code FROM baseline')" 'status of runs without a fault'
equal 1 "$(sql a.db "SELECT count(DISTINCT stdout) FROM baseline WHERE CAST(stdout AS TEXT) LIKE '%script one two words from%'")" 'their output'
