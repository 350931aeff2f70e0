#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Attempts start without libunwind where no stack has needed it, and with it where one did.
# tags: unsanitized
. "$(dirname "$0")/../lib.sh"

for program in expression reported; do
    record -o $program.db -- "$PROGRAMS/$program" >/dev/null
    "$DEARTH" replay --mode once --how rerun $program.db >err 2>&1 || fail "replay $(cat err)"
    equal reported "$(site_verdicts $program.db once new_table)" "$program: a fresh run for each fault"
done
[ "$(uname -m)" = x86_64 ] || exit 0
equal 1 "$(sql expression.db 'SELECT unwind_fallbacks > 0 FROM recording')" 'the stack needs libunwind'
equal 0 "$(sql reported.db 'SELECT unwind_fallbacks FROM recording')" 'no stack needs libunwind'

# Who opens it? A file for each process, so that no line is torn.
need strace
opened() {
    rm -f trace.*
    strace -ff -e trace=openat -o trace "$DEARTH" replay --retest --mode once --how rerun --no-trace \
        --baseline-runs 2 --limit 1 --leaks off --guard off "$1.db" >err 2>&1 || return 0
    grep -l 'libunwind.so.*= [0-9]' trace.* | wc -l
}
strace -f true 2>/dev/null || skip 'strace is not allowed here'
equal 2 "$(opened reported)" 'the two runs without a fault'
equal 3 "$(opened expression)" 'every run'
