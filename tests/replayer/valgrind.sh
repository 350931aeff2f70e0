#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# --under valgrind: failures are injected in front of memcheck, and what it reports is the verdict.
# tags: unsanitized
. "$(dirname "$0")/../lib.sh"
need valgrind

for name in overrun used-after-free uninitialised; do
    for twin in '' fixed; do
        [ "$name$twin" != used-after-freefixed ] || continue # each start costs seconds
        rm -f dearth.db
        record -- "$PROGRAMS/$name${twin:+-$twin}" >/dev/null
        function=$(sed -n 's/^[ *\/]*expect: \([a-z_]*\) .*/\1/p' "$SOURCE/tests/programs/$name.c")
        replay --under valgrind --mode once --baseline-runs 2 --in "$function"
        wanted=corrupted
        [ -z "$twin" ] || wanted=$(sed -n 's/^[ *\/]*expect fixed: [a-z_]* once=\([a-z]*\) .*/\1/p' \
            "$SOURCE/tests/programs/$name.c")
        equal "$wanted" "$(site_verdicts dearth.db once "$function")" "$name${twin:+-$twin} under Valgrind"
        equal 'valgrind|1' "$(sql dearth.db 'SELECT DISTINCT under, fired FROM attempt')" 'proof'
    done
done

rm -f dearth.db
record -- "$PROGRAMS/overrun" >/dev/null
replay --under valgrind --mode once --baseline-runs 2 --repeat 0 --in copy_short
equal 1 "$(sql dearth.db "SELECT count(*) > 0 FROM attempt WHERE stderr_tail LIKE '%Invalid write of size 1%'")" \
    "Valgrind's words"
status 0 "$DEARTH" repro dearth.db "$(sql dearth.db 'SELECT id FROM finding')"
contains err 'Invalid write of size 1'
# The plain verdict is another matter: both are stored.
replay --mode once --in copy_short
equal 'plain|reported' "$(sql dearth.db "SELECT under, verdict FROM attempt WHERE under = 'plain'")" \
    'without Valgrind'

# A crash is one.
rm -f dearth.db
record -- "$PROGRAMS/crashed" >/dev/null
replay --under valgrind --mode once
equal crashed "$(sql dearth.db "SELECT DISTINCT verdict FROM attempt WHERE exit_signal = 11")" 'a crash'

# Without Valgrind, and around the recorder.
rm -f dearth.db
record -- "$PROGRAMS/overrun" >/dev/null
status 2 env PATH=/nowhere "$DEARTH" replay --under valgrind
contains err 'valgrind is not installed'
"$DEARTH" record -o around.db -- valgrind -q "$PROGRAMS/hello" >out 2>err || fail 'record around Valgrind'
contains err "hides from dearth what its program allocates"
contains err 'dearth replay --under valgrind'
