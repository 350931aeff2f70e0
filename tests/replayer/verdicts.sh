#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# verdicts.sh PROGRAM [fixed]: every allocation that the comment on top of the program's source names
# gets the verdict it names, in each mode, by rerun and in snapshots; with 'fixed' those of the
# corrected twin.
# tags: part
. "$(dirname "$0")/../lib.sh"

name=$1
twin=${2-}
source=$(ls "$SOURCE/tests/programs/$name".*)
program=$PROGRAMS/$name${twin:+-$twin}
case $name in
unreached) export WITH_EXTRA=1 ;;
files) echo old >existing && echo old >to-remove ;;
esac

if [ "$name" = stdin-reader ]; then
    seq 300 | record -- "$program" >/dev/null
else
    record -- "$program" >/dev/null </dev/null
fi
unset WITH_EXTRA
cp dearth.db recorded.db

expected=$(sed -n "s/^[ *\/]*expect${twin:+ $twin}: //p" "$source")
[ -n "$expected" ] || fail "$source expects nothing"

# The leaks that it names, and no other. (A table of what was expected joins with globs.)
sed -n "s/^[ *\/]*leaks${twin:+ $twin}: \([^ ]*\) \([^ ]*\)$/INSERT INTO wanted VALUES ('\1', '\2');/p" \
    "$source" >wanted.sql
leaks="CREATE TEMP TABLE wanted (fault TEXT, block TEXT); $(cat wanted.sql)
    CREATE TEMP VIEW seen AS SELECT DISTINCT f.id, lf.function AS fault, lb.function AS block
    FROM finding f JOIN location lf ON lf.id = f.location_id JOIN leak k ON k.attempt_id = f.attempt_id
    JOIN site s ON s.id = k.site_id JOIN location lb ON lb.id = s.location_id WHERE f.leaked = 1;"

for how in rerun snapshot; do
    rm -f dearth.db-* && cp recorded.db dearth.db
    replay --mode both --how $how

    while read -r function modes; do
        for mode in $modes; do
            seen=$(site_verdicts dearth.db "${mode%=*}" "$function")
            [ "$seen" = "${mode#*=}" ] || {
                sql dearth.db "SELECT location.name, mode, verdict, exit_code, exit_signal,
                    fired, repeat FROM attempt JOIN site ON site.id = site_id
                    LEFT JOIN location ON location.id = location_id ORDER BY 1, 2" >&2
            }
            equal "${mode#*=}" "$seen" "$name${twin:+-$twin}: $function ${mode%=*} by $how"
        done
    done <<<"$expected"

    equal '' "$(sql dearth.db "$leaks SELECT * FROM seen WHERE NOT EXISTS (SELECT 1 FROM wanted w
        WHERE seen.fault GLOB w.fault AND seen.block GLOB w.block)")" "leaks that are none, $how"
    equal '' "$(sql dearth.db "$leaks SELECT * FROM wanted w WHERE NOT EXISTS (SELECT 1 FROM seen
        WHERE seen.fault GLOB w.fault AND seen.block GLOB w.block)")" "leaks that were missed, $how"
    equal 0 "$(sql dearth.db "SELECT count(*) FROM note WHERE kind = 'leaks_unknown'")" 'leaks are known'

    # No verdict without proof, and no crash without a stack.
    equal 0 "$(sql dearth.db "SELECT count(*) FROM attempt WHERE fired = 0 AND verdict <> 'unreached'")" \
        'verdicts without proof'
    equal 0 "$(sql dearth.db "SELECT count(*) FROM attempt WHERE fired = 1 AND verdict = 'unreached'")" \
        'proof called unreached'
    equal 0 "$(sql dearth.db "SELECT count(*) FROM attempt WHERE crash_stack_id IS NULL
        AND verdict IN ('crashed', 'corrupted', 'aborted')")" 'bad ends without a stack'
    # Every bad verdict is a finding, every bug was repeated.
    equal 0 "$(sql dearth.db "SELECT count(*) FROM attempt WHERE severity IN ('bug', 'policy', 'warning')
        AND NOT inferred AND id NOT IN (SELECT attempt_id FROM finding_attempt)")" 'bad attempts outside of findings'
    equal 0 "$(sql dearth.db "SELECT count(*) FROM finding WHERE severity = 'bug' AND tried < 2")" \
        'bugs seen once only'
done
