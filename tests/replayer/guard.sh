#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Guarded attempts: flaws that an ordinary run does not notice are found by canaries, quarantine and
# poison, in the flawed program only; a program that already damages its memory is refused.
. "$(dirname "$0")/../lib.sh"

# guarded_verdicts MODE FUNCTION
guarded_verdicts() {
    sql dearth.db "SELECT group_concat(verdict, '+') FROM (SELECT DISTINCT verdict FROM attempt
        JOIN site ON site.id = attempt.site_id JOIN location ON location.id = site.location_id
        WHERE location.function = '$2' AND attempt.mode = '$1' AND under = 'guarded')"
}

for name in overrun used-after-free uninitialised; do
    for twin in '' fixed; do
        rm -f dearth.db
        record -- "$PROGRAMS/$name${twin:+-$twin}" >/dev/null
        replay --guard all
        lacks err 'cannot be run with guarded blocks'
        expected=$(sed -n "s/^[ *\/]*expect ${twin:-guarded}: //p" "$SOURCE/tests/programs/$name.c")
        read -r function modes <<<"$expected"
        for mode in $modes; do
            equal "${mode#*=}" "$(guarded_verdicts "${mode%=*}" "$function")" \
                "$name${twin:+-$twin}, guarded: $function ${mode%=*}"
        done
        [ "$twin" ] || {
            equal guarded "$(sql dearth.db 'SELECT DISTINCT under FROM finding
                JOIN attempt ON attempt.id = attempt_id')" "$name: the finding's evidence"
            status 0 "$DEARTH" repro dearth.db "$(sql dearth.db 'SELECT id FROM finding')"
            contains err 'showed again'
        }
    done
done

# What is damaged, whose block it is and when it was found.
rm -f dearth.db
record -- "$PROGRAMS/overrun" >/dev/null
replay --guard all --in copy_short
equal 'overrun|free|20|20|main' "$(sql dearth.db "SELECT DISTINCT damage, damage_where, damage_size,
    damage_offset, l.function FROM attempt JOIN site s ON s.id = damage_site_id
    JOIN location l ON l.id = s.location_id WHERE under = 'guarded'")" 'the damage'
equal program "$(sql dearth.db 'SELECT attributed_to FROM finding')" 'who is blamed'
"$DEARTH" report dearth.db --format text >out
contains out 'overrun: byte 20 of a block of 20 bytes'
contains out 'guarded'

# What was reported or handled is run guarded, a few times, and stored when that shows a bug; suspicious ones are,
# once per location.
for name in overrun used-after-free 'used-after-free on'; do
    rm -f dearth.db
    read -r name on <<<"$name"
    record -- "$PROGRAMS/$name" ${on:+"$on"} >/dev/null
    replay
    equal 'corrupted' "$(sql dearth.db "SELECT DISTINCT verdict FROM attempt WHERE under = 'guarded'")" "$name: reported"
    rm -f dearth.db
    record -- "$PROGRAMS/$name-fixed" ${on:+"$on"} >/dev/null
    replay
    equal 0 "$(sql dearth.db "SELECT count(*) FROM attempt WHERE under = 'guarded'")" "$name-fixed: nothing"
done
rm -f dearth.db
record -- "$PROGRAMS/overrun" always >/dev/null
replay
lacks err 'cannot be run with guarded blocks'
rm -f dearth.db
record -- "$PROGRAMS/corrupted-double-free" >/dev/null
replay
equal 'corrupted|double_free|1' "$(sql dearth.db "SELECT verdict, damage, count(*) FROM attempt
    WHERE under = 'guarded' AND repeat = 0 GROUP BY 1, 2")" 'a double free is confirmed'
rm -f dearth.db
record -- "$PROGRAMS/corrupted-double-free" >/dev/null
replay --guard off
equal 0 "$(sql dearth.db "SELECT count(*) FROM attempt WHERE under = 'guarded'")" 'guard off'

# Every way to allocate, to the last byte that is allowed, with threads and a fork.
rm -f dearth.db
record -- "$PROGRAMS/tidy" >/dev/null
replay --guard all --in fill
lacks err 'cannot be run with guarded blocks'
equal 'reported' "$(sql dearth.db "SELECT DISTINCT verdict FROM attempt JOIN site ON site.id = site_id
    JOIN location ON location.id = location_id WHERE location.function = 'fill'")" 'tidy: fill'
equal 0 "$(sql dearth.db "SELECT count(*) FROM attempt WHERE verdict = 'corrupted'")" 'tidy: damage'
# Nothing asks for memory after that failure: the lasting one is the same run.
equal once "$(sql dearth.db "SELECT group_concat(mode) FROM attempt WHERE under = 'guarded'")" 'tidy: guarded'

# A program that damages its memory in every run.
rm -f dearth.db
record -- "$PROGRAMS/overrun" always >/dev/null
replay --guard all
contains err 'cannot be run with guarded blocks: it damages its memory without any fault'
contains err 'overrun: byte 20 of a block of 20 bytes'
equal 0 "$(sql dearth.db "SELECT count(*) FROM attempt WHERE under = 'guarded'")" 'refused'
equal 1 "$(sql dearth.db "SELECT count(*) FROM note WHERE kind = 'guard_refused'")" 'said in the report'

# A block whose overrun reaches the next one, which is freed first: it is the first that is damaged.
for twin in '' -fixed; do
    rm -f dearth.db
    record -- "$PROGRAMS/overrun-into$twin" >/dev/null
    replay --guard all
    expected="overrun|24|24|make_first"
    equal "${twin:+none}${twin:-$expected}" "$(sql dearth.db "SELECT DISTINCT damage, damage_size, damage_offset, l.function
        FROM attempt JOIN site s ON s.id = damage_site_id JOIN location l ON l.id = s.location_id
        WHERE under = 'guarded'" | grep . || echo "none$twin")" "overrun-into$twin"
done

# A block that the C library made for itself, damaged when a call of its own for the same had failed: not the program's
# doing. Its site is in no recording. A block of the program's is.
rm -f dearth.db
record -- "$PROGRAMS/wide-buffer" >/dev/null
replay --guard all
equal 'libc|overrun|exit|1' "$(sql dearth.db "SELECT DISTINCT attributed_to, damage, damage_where, damage_site_id > 0
    FROM finding f JOIN finding_attempt fa ON fa.finding_id = f.id JOIN attempt a ON a.id = fa.attempt_id
    WHERE f.verdict = 'corrupted' AND a.under = 'guarded'")" "the C library's own"
equal libc "$(sql dearth.db "SELECT DISTINCT attributed_to FROM finding f JOIN finding_attempt fa ON fa.finding_id = f.id
    JOIN attempt a ON a.id = fa.attempt_id WHERE a.under = 'plain' AND f.severity = 'bug'")" 'and what it leads to without a guard'
status 0 "$DEARTH" report --fail-on bug dearth.db
rm -f dearth.db
record -- "$PROGRAMS/wide-buffer" own >/dev/null
replay --guard all
equal 'program|overrun|20' "$(sql dearth.db "SELECT DISTINCT attributed_to, damage, damage_size
    FROM finding f JOIN attempt a ON a.id = attempt_id WHERE f.verdict = 'corrupted' AND damage_size > 0")" "the program's own"
status 1 "$DEARTH" report --fail-on bug dearth.db
"$DEARTH" report dearth.db --format text >out
contains out 'corrupted: overrun: byte 20 of a block of 20 bytes written, found at exit; allocated in '
