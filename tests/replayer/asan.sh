#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# AddressSanitizer's builds: failures are injected, reports are verdicts, the environment is the
# attempts' own.
# shellcheck disable=SC2119 # replay() takes options, here none
# tags: unsanitized
. "$(dirname "$0")/../lib.sh"
[ -x "$PROGRAMS/crashed-asan" ] || skip 'no libasan'
export ASAN_OPTIONS=detect_leaks=0 # when recording

# verdicts MODE FUNCTION
verdicts() {
    site_verdicts dearth.db "$1" "$2"
}

rm -f dearth.db
record -- "$PROGRAMS/overrun-asan" >/dev/null
replay
contains err "the program is a sanitizer's build: attempts run with ASAN_OPTIONS=abort_on_error=1"
equal corrupted "$(verdicts once copy_short)" 'overrun'
equal 'asan|AddressSanitizer' "$(sql dearth.db "SELECT DISTINCT under, CASE WHEN stderr_tail LIKE
    '%heap-buffer-overflow%' THEN 'AddressSanitizer' END FROM attempt WHERE verdict = 'corrupted'")" 'its report'
equal program "$(sql dearth.db "SELECT attributed_to FROM finding WHERE verdict = 'corrupted'")" 'who is blamed'
equal 0 "$(sql dearth.db "SELECT count(*) FROM attempt WHERE under <> 'asan'")" 'guarded blocks are not used'
equal 0 "$(sql dearth.db "SELECT count(*) FROM attempt WHERE verdict = 'corrupted' AND crash_stack_id IS NULL")" \
    'stacks of reports'
status 0 "$DEARTH" repro dearth.db "$(sql dearth.db "SELECT id FROM finding WHERE verdict = 'corrupted'")"
contains err 'showed again'

rm -f dearth.db
record -- "$PROGRAMS/overrun-fixed-asan" >/dev/null
replay
equal 0 "$(sql dearth.db "SELECT count(*) FROM finding WHERE severity <> 'ok'")" 'the corrected twin'

rm -f dearth.db
record -- "$PROGRAMS/used-after-free-asan" >/dev/null
replay
equal corrupted "$(verdicts once load)" 'used-after-free'

# A wild access is a crash, as without the sanitizer; and what is well stays well.
for name in crashed handled; do
    rm -f dearth.db
    record -- "$PROGRAMS/$name-asan" >/dev/null
    replay
    while read -r function modes; do
        for mode in $modes; do
            equal "${mode#*=}" "$(verdicts "${mode%=*}" "$function")" "$name: $function ${mode%=*}"
        done
    done < <(sed -n 's/^[ *\/]*expect: //p' "$SOURCE/tests/programs/$name.c")
done
