#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Findings are counted as whoever mends them does: one place for all that went wrong in one function and are
# to be blamed on one, whichever line, and whichever variant of strcmp() the processor has.
. "$(dirname "$0")/../lib.sh"
need jq

status 1 "$DEARTH" check -o dearth.db --report report.json --html page.html --mode both -- "$PROGRAMS/places"
cp err check.err
cp out check.out
equal 4 "$(jq '.summary.findings.bug' report.json)" 'a finding for each function that asked'
equal 2 "$(jq '.summary.places.bug' report.json)" 'and two that went wrong'
equal 'crashed|SIGSEGV|places!compare|libc!strcmp crashed|SIGSEGV|places!measure|libc!strlen' \
    "$(jq -r '[.findings[].place] | unique | join(" ")' report.json)" 'the places'
contains check.out 'Findings: 4 bugs at 2 places'
contains check.err '4 findings at 2 places of severity bug or worse'
equal 2 "$(grep -c '^  crashed: SIGSEGV' check.err)" 'lines of the gate'
"$DEARTH" report -f markdown dearth.db >markdown
contains markdown 'Findings: 4 bugs at 2 places'
contains markdown ', and 2 more: #'
python3 "$SOURCE/tests/viewer/page_values.py" page.html >page.json
grep -q '"severity_places":\[2,' page.json || fail 'the page says something else'
status 0 "$DEARTH" replay --retest dearth.db
contains err 'findings: 4 bugs at 2 places'

# With a baseline: what is new is counted in the same way.
jq '.findings |= map(select(.place | endswith("strlen")))' report.json >known.json
status 1 "$DEARTH" report --gate --baseline known.json -o /dev/null dearth.db
contains err '3 findings at 1 place of severity bug or worse that the baseline does not have'

# What an older dearth has left behind gets its places from the identities.
cp dearth.db old.db
for column in scope spared unsure; do
    sqlite3 old.db "ALTER TABLE unchecked_attempt DROP COLUMN $column"
done
sqlite3 old.db "DROP TABLE survivor; ALTER TABLE baseline_signal DROP COLUMN code; ALTER TABLE finding DROP COLUMN place; ALTER TABLE site_stat DROP COLUMN samples; DROP TABLE test_site; DROP TABLE test; PRAGMA writable_schema = on;
    UPDATE sqlite_schema SET sql = replace(substr(sql, 1, instr(sql, 'suite_id') - 1), 'rings_damaged INTEGER,',
        'rings_damaged INTEGER') || ')' WHERE name = 'recording';
    UPDATE sqlite_schema SET sql = replace(substr(sql, 1, instr(sql, 'scope     TEXT') - 1), 'last_site_id INTEGER REFERENCES site(id),',
        'last_site_id INTEGER REFERENCES site(id)') || ')' WHERE name = 'attempt'; PRAGMA user_version = 6"
status 0 "$DEARTH" replay --dry-run old.db
equal 'crashed|places!compare crashed|places!measure' \
    "$(sql old.db "SELECT group_concat(place, ' ') FROM (SELECT DISTINCT place FROM finding ORDER BY 1)")" 'migrated'

status 0 "$DEARTH" check -o fixed.db --report fixed.json --mode both -- "$PROGRAMS/places-fixed"
equal 0 "$(jq '.summary.places.bug' fixed.json)" 'the corrected program'
