#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A second failure while the first is handled: only --depth 2 finds it.
. "$(dirname "$0")/../lib.sh"

pairs() {
    sql "$1" "SELECT group_concat(pair, ' ') FROM (SELECT DISTINCT a.function || '+' || b.function ||
        '=' || verdict AS pair FROM attempt JOIN site s ON s.id = site_id JOIN location a ON
        a.id = s.location_id JOIN site t ON t.id = second_site_id JOIN location b ON
        b.id = t.location_id ORDER BY 1)"
}

record -- "$PROGRAMS/double-failure" >/dev/null
replay --mode both
equal 0 "$(sql dearth.db "SELECT count(*) FROM finding")" 'findings of single failures'
equal 0 "$(sql dearth.db "SELECT count(*) FROM site WHERE error_path")" 'error-path sites without --depth'

# What was tried before is not tried again but to see what comes after the failure.
replay --depth 2 --limit 4
equal 2 "$(sql dearth.db "SELECT count(*) FROM attempt WHERE replay_id = 2 AND explored")" 'explored'
equal 'compose new_log' "$(sql dearth.db "SELECT group_concat(function, ' ') FROM (SELECT DISTINCT function
    FROM site JOIN location ON location.id = location_id WHERE error_path ORDER BY 1)")" 'error-path locations'
equal 2 "$(sql dearth.db "SELECT count(DISTINCT second_site_id) FROM attempt a JOIN site s ON
    s.id = second_site_id GROUP BY replay_id")" 'limit: two pairs'
equal 2 "$(sql dearth.db "SELECT count(DISTINCT location_id) FROM attempt a JOIN site s ON
    s.id = second_site_id")" 'each location of the error path once before any twice'
replay --depth 2
equal 'new_row+compose=crashed new_row+new_log=reported new_table+compose=crashed new_table+new_log=reported' \
    "$(pairs dearth.db)" 'pairs'
equal 0 "$(sql dearth.db "SELECT count(*) FROM (SELECT 1 FROM attempt WHERE second_site_id > 0 AND under = 'plain'
    GROUP BY site_id, second_site_id HAVING count(*) > 1 + 2 * max(verdict = 'crashed'))")" 'no pair twice'
attempts=$(sql dearth.db 'SELECT count(*) FROM attempt')
replay --depth 2
equal "$attempts" "$(sql dearth.db 'SELECT count(*) FROM attempt')" 'nothing is left to try'

# The report: one finding, at the second failure, with the first.
equal compose "$(sql dearth.db 'SELECT function FROM finding JOIN location ON location.id = location_id')" 'finding'
status 0 "$DEARTH" report -o report.json dearth.db
equal '1 compose true' "$(jq -r '[(.findings | length), .findings[0].second_fault.location.function,
    (.findings[0].fault.location.function | IN("new_row", "new_table"))] | join(" ")' report.json)" 'second_fault'
equal '2 2 4 4' "$(jq -r '[.summary.sites.total, .summary.sites.tested, .summary.error_path.total,
    .summary.error_path.tested] | join(" ")' report.json)" 'tallies'
equal 4 "$(jq '[.sites[] | select(.error_path)] | length' report.json)" 'sites of the error path'
status 0 "$DEARTH" report --format text dearth.db
contains out 'then        malloc in compose'
contains out 'error path 100.0 %'
status 0 "$DEARTH" report --format markdown dearth.db
contains out 'after that of'
status 0 "$DEARTH" view -o page.html dearth.db
python3 "$SOURCE/tests/viewer/page_values.py" page.html >page.json
contains page.json '"second":{"op":"malloc"'

# The finding shows again, and says both failures.
status 0 "$DEARTH" repro dearth.db 1
contains err ', then malloc in compose'
status 0 "$DEARTH" repro --print dearth.db 1
contains out ', then malloc in compose'

record -o fixed.db -- "$PROGRAMS/double-failure-fixed" >/dev/null
"$DEARTH" replay --depth 2 fixed.db >err 2>&1
equal 'new_row+compose=reported new_row+new_log=reported new_table+compose=reported new_table+new_log=reported' \
    "$(pairs fixed.db)" 'pairs of the corrected twin'
equal 0 "$(sql fixed.db "SELECT count(*) FROM finding")" 'findings of the corrected twin'
equal 0 "$(sql fixed.db "SELECT count(*) FROM attempt WHERE fired = 0")" 'no pair without both proofs'

# A recording in which the error path is taken makes its sites ordinary ones.
status 2 "$DEARTH" replay --depth 2 --mode sticky fixed.db
contains err 'single failure'
status 2 "$DEARTH" replay --depth 3 fixed.db
