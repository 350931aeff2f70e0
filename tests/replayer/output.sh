#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What an attempt prints and writes: which differences count, how they are named, who was told, and the
# user's own comparison.
. "$(dirname "$0")/../lib.sh"

# differs FUNCTION: what the attempts at it differ in, each once.
differs() {
    sql dearth.db "SELECT DISTINCT json_extract(d.value, '\$.what') || ' ' ||
            json_extract(d.value, '\$.how') || ' ' ||
            coalesce(replace(json_extract(d.value, '\$.path'), '$work/', ''), '-')
        FROM attempt JOIN site ON site.id = site_id JOIN location ON location.id = location_id
        JOIN json_each(differs) d WHERE location.function = '$1' ORDER BY 1"
}
silent() {
    sql dearth.db "SELECT group_concat(DISTINCT silent) FROM attempt JOIN site ON site.id = site_id
        JOIN location ON location.id = location_id WHERE location.function = '$1'"
}
# verdicts FUNCTION: those of the attempts at it, in any mode.
verdicts() {
    sql dearth.db "SELECT group_concat(verdict) FROM (SELECT DISTINCT verdict FROM attempt
        JOIN site ON site.id = site_id JOIN location ON location.id = location_id
        WHERE fired = 1 AND location.function = '$1' ORDER BY 1)"
}
again() {
    rm -f dearth.db* && record -- "$@" >/dev/null
}

again "$PROGRAMS/half-file" && rm -f result
replay
equal 'file left_behind result.tmp
file truncated result' "$(differs new_part)" 'a file that is not whole'
equal 1 "$(silent new_part)" 'nobody was told'
"$DEARTH" report --format text >out
contains out 'degraded silently'
contains out "$work/result is truncated (5 of 105 bytes)"
contains out "$work/result.tmp was left behind"
"$DEARTH" report >report.json
equal true "$(jq '.findings[0].silent' report.json)" 'silent in the report'
equal truncated "$(jq -r '[.findings[0].differences[] | select(.path | endswith("result"))][0].how' report.json)" \
    'differences in the report'
status 0 "$DEARTH" repro 1
contains err 'result is different (5 bytes, 105 without the fault)'
status 1 "$DEARTH" report --gate --fail-on=silent --format text
rm -f result*

again "$PROGRAMS/degraded"
replay
equal 'stdout content -
stdout empty -' "$(differs copy_line)" 'a line that is left out'
equal 0 "$(silent copy_line)" 'it was said'
status 0 "$DEARTH" report --gate --fail-on=silent --format text
status 1 "$DEARTH" report --gate --fail-on=warning --format text

# It was said, if not on standard error; and the status alone does not tell.
again "$PROGRAMS/says" stdout
replay
equal degraded "$(verdicts ask)" 'a complaint on standard output'
equal 0 "$(silent ask)" 'is one'
rm -f dearth.db* && status 2 "$DEARTH" record -- "$PROGRAMS/says" status
replay
equal reported "$(verdicts ask)" 'the usual status, and another reason for it'

# What varies by itself is not held against an attempt; what does not vary is.
again "$PROGRAMS/varying"
replay
equal handled "$(verdicts do_without)" 'output that varies'
equal 0 "$(sql dearth.db "SELECT count(*) FROM attempt WHERE stdout_same IS NULL OR files_same IS NULL")" \
    'and all of it was compared'
again "$PROGRAMS/varying" more
replay
equal degraded "$(verdicts do_without)" 'a line is missing from output that varies'

# The clock goes on while a replay is at work: a run without a fault is asked again.
rm -f runs && again "$PROGRAMS/drifting" 4
replay --isolation=shared --mode once -j 1
[ "$(stat -c %s runs)" -gt 5 ] || fail 'the program did not run as often as expected'
equal handled "$(verdicts do_without)" 'output that has moved on'
rm -f runs

# The user's own comparison.
again "$PROGRAMS/degraded"
replay --output-check='grep -q gamma && grep -q alpha "$DEARTH_BASELINE_STDOUT"'
equal 'degraded,handled' "$(verdicts copy_line)" 'a check that looks for one line'
equal 'output check -' "$(differs copy_line)" 'a check that says no'
equal '0,1' "$(sql dearth.db "SELECT group_concat(output_check) FROM
    (SELECT DISTINCT output_check FROM attempt WHERE output_check >= 0 ORDER BY 1)")" 'its status is kept'
again "$PROGRAMS/degraded"
replay --how=snapshot --output-check='grep -q gamma && grep -q alpha "$DEARTH_BASELINE_STDOUT"'
equal 'degraded,handled' "$(verdicts copy_line)" 'the same with snapshots'
equal output_check "$(sql dearth.db "SELECT DISTINCT reason FROM refused")" 'what is to compare is left to rerun'
equal 0 "$(sql dearth.db "SELECT count(*) FROM attempt WHERE how = 'snapshot' AND verdict IN ('handled', 'degraded')")" \
    'and is not believed'
again "$PROGRAMS/crashed"
replay --how=snapshot --output-check=true
[ "$(sql dearth.db "SELECT count(*) FROM attempt WHERE how = 'snapshot'")" -gt 0 ] || fail 'nothing was left to snapshots'
again "$PROGRAMS/half-file" && rm -f result
replay --output-check='test "$DEARTH_STATUS$(cat "$DEARTH_STDOUT" "$DEARTH_STDERR")" = 0 &&
    cd "$DEARTH_TREE" && grep -q head result && rm result && ! test -e "$LD_PRELOAD"'
equal handled "$(verdicts new_part)" 'a check that looks into the tree'
[ ! -e result ] || fail 'an attempt wrote into the real folder'
again "$PROGRAMS/degraded"
status 2 "$DEARTH" replay --output-check='echo no such thing >&2; exit 3'
contains err "ended with status 3: no such thing"
# One that does not end is ended with the replay, and does not hold it up.
again "$PROGRAMS/degraded"
"$DEARTH" replay --jobs 1 --output-check="sleep 1000.$$" >out 2>err &
while ! pgrep -fx "sleep 1000.$$" >pid && kill -0 $!; do
    sleep 0.1
done
kill $!
wait $! && fail 'an interrupted replay ends with 0'
contains err "'sleep 1000.$$' had not ended when the time was over"
equal '' "$(pgrep -fx "sleep 1000.$$" || :)" 'what is left of the check'
