#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# --probability: calls fail by chance, the same for the same seed, and are written down.
. "$(dirname "$0")/../lib.sh"

record -- "$PROGRAMS/chance" >/dev/null
cp dearth.db recorded.db
# what happened: seed, calls that failed, verdict
happened() {
    sql "$1" "SELECT DISTINCT CAST(json_extract(chance, '\$.seed') AS INTEGER), (SELECT group_concat(json_extract(value,
        '\$.call')) FROM json_each(failed)), verdict FROM attempt WHERE mode = 'chance' ORDER BY 1"
}
replay --probability 0.1 --runs 12 --seed 7
happened dearth.db >first
[ "$(grep -c crashed first)" -ge 1 ] || fail 'two failures in forty calls never came'
equal 0 "$(sql dearth.db "SELECT count(*) FROM attempt WHERE NOT fired OR json_array_length(failed) <> 1 + also_failed")" \
    'every attempt has its proof'
equal 0 "$(sql dearth.db "SELECT count(*) FROM attempt WHERE verdict = 'crashed' AND also_failed = 0")" \
    'one failure crashes nothing'
equal 1 "$(sql dearth.db "SELECT count(*) FROM finding WHERE verdict = 'crashed'")" 'a finding'
equal 3 "$(sql dearth.db "SELECT max(n) FROM (SELECT count(*) AS n FROM attempt WHERE verdict = 'crashed' GROUP BY chance)")" \
    'what is bad is repeated'
id=$(sql dearth.db "SELECT id FROM finding WHERE verdict = 'crashed'")

# It shows again, with the same calls, and the report says how.
"$DEARTH" repro dearth.db "$id" >out 2>err || fail 'it does not show again'
contains err "showed again"
contains err "--seed"
"$DEARTH" report --format text dearth.db >report
contains report 'failed by chance (probability 0.1, seed'
contains report 'by chance   malloc in new_block'
"$DEARTH" report dearth.db >report.json
jq -e '.findings[0].fault | .mode == "chance" and .chance.probability == 0.1 and (.failed | length) > 1' report.json >/dev/null ||
    fail 'the report does not say what failed'

# Done is done; the next seeds are new; another database shows the same.
n=$(sql dearth.db 'SELECT count(*) FROM attempt')
replay --probability 0.1 --runs 12 --seed 7
equal "$n" "$(sql dearth.db 'SELECT count(*) FROM attempt')" 'nothing is done twice'
replay --probability 0.1 --runs 6 --seed 13
[ "$(happened dearth.db | wc -l)" -ge "$(wc -l <first)" ] || fail 'seeds are missing'
rm -f dearth.db-* && cp recorded.db dearth.db
replay --probability 0.1 --runs 12 --seed 7
equal "$(cat first)" "$(happened dearth.db)" 'the same seeds, the same failures'

# Only chosen sites, only so many, not before, only every so-many-th.
rm -f dearth.db-* && cp recorded.db dearth.db
replay --probability 1 --runs 1 --in new_block --times 1
equal '1|1|handled' "$(happened dearth.db)" '--in and --times'
"$DEARTH" replay --probability 1 --runs 1 --in new_block --times 2 --space 640 dearth.db >err 2>&1
equal 2 "$(sql dearth.db "SELECT count(DISTINCT chance) FROM attempt")" 'other conditions, another execution'
equal '11,12' "$(happened dearth.db | sed -n 's/1|\(.*\)|crashed/\1/p')" '--space'
id=$(sql dearth.db "SELECT id FROM finding WHERE verdict = 'crashed'")
"$DEARTH" repro dearth.db "$id" >out 2>err || fail 'with chosen sites it does not show again'
rm -f dearth.db-* && cp recorded.db dearth.db
replay --probability 1 --runs 1 --interval 5 --times 1
equal '1|5|handled' "$(happened dearth.db)" '--interval'
rm -f dearth.db-* && cp recorded.db dearth.db
replay --probability 0.000001 --runs 2
equal 0 "$(sql dearth.db 'SELECT count(*) FROM attempt')" 'where nothing failed there is no attempt'
contains err 'no call failed by chance'

# The twin gives up in order.
rm -f dearth.db*
record -- "$PROGRAMS/chance-fixed" >/dev/null
replay --probability 0.1 --runs 12 --seed 7
equal 0 "$(sql dearth.db "SELECT count(*) FROM finding WHERE severity = 'bug'")" 'no finding in the twin'
[ "$(happened dearth.db | grep -c reported)" -ge 1 ] || fail 'the twin was not tried'

status 1 "$DEARTH" check -o check.db --probability 0.1 --runs 12 --seed 7 -- "$PROGRAMS/chance"
equal "$(cat first)" "$(happened check.db)" 'check passes it on'
"$DEARTH" view -o page.html check.db 2>err
python3 "$SOURCE/tests/viewer/page_values.py" page.html >page.json
contains page.json 'failed by chance'
for wrong in '--probability 2' '--probability -1' '--seed 3' '--probability 0.5 --nth 1' '--probability 0.5 --seed x' \
    '--probability 0.5 --mode once' '--probability 0.5 --dry-run' '--probability 0.5 --in no_such_function'; do
    # shellcheck disable=SC2086
    status 2 "$DEARTH" replay $wrong dearth.db
done
