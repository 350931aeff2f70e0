#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Output that varies from run to run hides no wrong answer, costs no snapshot, and the report says what was
# not compared.
. "$(dirname "$0")/../lib.sh"

# verdicts: those of the attempts at keep(), silent ones with '!'.
verdicts() {
    sql dearth.db "SELECT group_concat(v) FROM (SELECT DISTINCT verdict || CASE WHEN silent THEN '!' ELSE '' END AS v
        FROM attempt JOIN site ON site.id = site_id JOIN location ON location.id = location_id
        WHERE fired = 1 AND location.function = 'keep' ORDER BY 1)"
}
again() {
    rm -f dearth.db* && record -- "$@" </dev/null >/dev/null # what it is given by a pipe is the loop's
    replay --how=snapshot --mode once
    equal 0 "$(sql dearth.db "SELECT count(*) FROM refused WHERE reason = 'diverged'")" "$*: snapshots count"
}

while read -r kind loose; do
    again "$PROGRAMS/noisy" "$kind"
    equal 'degraded!' "$(verdicts)" "a wrong answer amid $kind"
    equal 1 "$(sql dearth.db "SELECT count(*) FROM note WHERE kind = 'compared_without' AND text GLOB '*$loose*'")" \
        "$kind: what is left out is said"
    again "$PROGRAMS/noisy-fixed" "$kind"
    equal reported "$(verdicts)" "the right one amid $kind"
done <<'END'
durations a test harness?s lines may come in any order
elapsed times or addresses in 1 line are left out
pid what varies in 2 lines, such as
order lines may come in any order
order-pid such as ?pid ??, is left out; lines may come in any order
stamp times or addresses in 1 line are left out
END
"$DEARTH" report --format text >out
contains out 'standard output is compared loosely: times'

# Nothing is said where all is compared.
again "$PROGRAMS/silent"
equal 0 "$(sql dearth.db "SELECT count(*) FROM note WHERE kind = 'compared_without'")" 'all was compared'

# A harness of one's own.
printf '[harness ours]\nline ran * in *\n' >ours
rm -f dearth.db* && record -- bash -c 'echo "ran 1 in 30 s"; echo "30 s"' >/dev/null
replay --catalogue ours --mode once
equal 1 "$(sql dearth.db "SELECT count(*) FROM note WHERE text GLOB '*a test harness''s lines*'")" 'a harness of the user'
