#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Which call of a site fails is chosen by --occurrence.
. "$(dirname "$0")/../lib.sh"

record -- "$PROGRAMS/occurrence" >/dev/null
verdicts() {
    sql dearth.db "SELECT DISTINCT occurrence, verdict FROM attempt JOIN site ON site.id = site_id
        JOIN location ON location.id = location_id WHERE function = 'new_step' ORDER BY 1" | tr '\n' ' '
}
replay --mode once --how rerun
equal '1|reported ' "$(verdicts)" 'the first by default, and where copies are not to be had a second'
cp dearth.db first.db
replay --mode once --retest
equal '1|reported 3|crashed ' "$(verdicts)" 'by copies a few others'
mv first.db dearth.db
replay --mode once --occurrence 3
equal '1|reported 3|crashed ' "$(verdicts)" 'the third'
replay --mode once --occurrence all
equal '1|reported 2|reported 3|crashed 4|reported 5|reported ' "$(verdicts)" 'all'
replay --mode once --occurrence last --retest --in new_step
equal 2 "$(sql dearth.db "SELECT count(*) FROM attempt WHERE occurrence = 5 AND repeat = 0")" 'last'

# log2: the first, second, fourth, ...; the last of several hundred.
rm -f dearth.db*
record -- "$PROGRAMS/occurrence" >/dev/null
replay --mode once --occurrence log2 --leaks off --in new_step
equal '1|reported 2|reported 4|reported 5|reported ' "$(verdicts)" 'log2: powers of two and the last'
