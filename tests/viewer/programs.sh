#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A database of several programs: report, page, gate and profile are about all of them, whatever the order in
# which they came in; what is about one alone says so or is refused.
. "$(dirname "$0")/../lib.sh"
need jq python3

program() { # NAME AS: a copy, which is a program of its own
    mkdir -p "$(dirname "$2")" && cp "$PROGRAMS/$1" "$2"
}
program crashed bad
program reported good
program crashed copies/good # the same code as bad under the name of another
"$DEARTH" check -q -o bad.db -- ./bad >/dev/null 2>&1 || :
status 0 "$DEARTH" check -q -o good.db -- ./good
"$DEARTH" check -q -o copy.db -- copies/good >/dev/null 2>&1 || :

# The gate: in any order, and with the newest of them without a flaw.
for order in 'bad.db good.db' 'good.db bad.db'; do
    rm -f all.db
    # shellcheck disable=SC2086
    "$DEARTH" merge -q all.db $order
    status 1 "$DEARTH" report --gate all.db
    contains err ' in bad'
done
status 0 "$DEARTH" report --gate --program good all.db
contains err 'of 2 programs only 1: --program good'
status 1 "$DEARTH" report --gate --program '*/bad' -f text all.db
contains out 'Only what --program */bad names is in this report: 1 program of 2.'
lacks out 'program     bad'
status 2 "$DEARTH" report --gate --program god all.db
contains err 'bad'
status 2 "$DEARTH" report --program bad --recording 1 all.db

# What several programs share counts once; each has its own.
"$DEARTH" merge -q all.db copy.db
"$DEARTH" report --stacks -o report.json all.db
for one in bad good; do
    "$DEARTH" report -o $one.json $one.db
done
total=$(jq -s 'map(.summary.sites.total) | add' bad.json good.json)
equal "$total" "$(jq .summary.sites.total report.json)" 'sites of three programs, two of the same code'
equal "$(jq -s -c '[.[0], .[0], .[1] | .summary.sites.total] | sort' bad.json good.json)" \
    "$(jq -c '[.programs[].sites.total] | sort' report.json)" 'sites of each program'
equal true "$(jq '[.sites[] | .command != "" and .recording > 0] | all' report.json)" 'every site names its program'
equal true "$(jq '[.findings[] | .command != ""] | all' report.json)" 'every finding names its program'
equal 3 "$(jq '[.programs[].command] | unique | length' report.json)" 'names that tell programs apart'
equal true "$(jq --arg path "$PWD/copies/good" '[.programs[].command] | index($path) != null' report.json)" 'a path where the name is taken'
equal 'null null' "$(jq -r '"\(.programs) \(.sites[0].command)"' bad.json)" 'one program: as ever'
if /usr/bin/python3 -c 'import jsonschema' 2>/dev/null; then
    /usr/bin/python3 - "$SOURCE/schemas/report.schema.json" report.json <<'P' || fail 'not valid'
import json, sys, jsonschema
schema, report = (json.load(open(name, encoding="utf-8")) for name in sys.argv[1:])
jsonschema.Draft202012Validator(schema).validate(report)
P
fi

# Numbers of findings are those of repro.
for id in $(jq '.findings[].id' report.json); do
    status 0 "$DEARTH" repro all.db "$id"
    contains err "finding $id showed again"
done

# Every format names programs.
"$DEARTH" report -f junit -o report.xml all.db
python3 - <<'P' || fail 'JUnit'
import json, xml.etree.ElementTree as tree
report = json.load(open("report.json"))
cases = tree.parse("report.xml").getroot().findall(".//testcase")
assert len(cases) == report["summary"]["sites"]["testable"]
assert {c.get("classname") for c in cases} == {s["command"] for s in report["sites"]}
assert [c for c in cases if c.find("failure") is not None]
P
"$DEARTH" report -f sarif -o report.sarif all.db
equal 'bad' "$(jq -r '[.runs[0].results[].properties.command] | unique | .[]' report.sarif | grep -x bad)" 'SARIF: programs'
"$DEARTH" report -f markdown -o report.md all.db
contains report.md '## dearth: 3 programs'
# shellcheck disable=SC2016
contains report.md '/copies/good` | 100.0 % |'
"$DEARTH" report -f text -o report.txt all.db
contains report.txt '3 programs in 3 recordings'
contains report.txt '      program     bad'
"$DEARTH" report -f lcov all.db | grep '^DA:.*,[1-9]' >/dev/null || fail 'LCOV'
"$DEARTH" view -o page.html all.db
python3 "$SOURCE/tests/viewer/page_values.py" page.html >page.json
python3 - <<'P' || fail 'page'
import json
page = json.load(open("page.json"))
assert len(page["programs"]) == 3 and all(f["command"] for f in page["findings"])
P

# A baseline of several programs: what it knows passes, what is new in another program does not.
status 0 "$DEARTH" report --baseline report.json -o known.json all.db
"$DEARTH" report --program good -o good.json all.db
status 1 "$DEARTH" report --baseline good.json all.db

# Nothing of a program was tried: no evidence, and the command that gives it.
status 0 "$DEARTH" record -q -o more.db -- "$PROGRAMS/handled"
"$DEARTH" merge -q half.db good.db more.db
status 1 "$DEARTH" report --gate -o half.json half.db
contains err 'handled (recording 2) was never replayed'
command=$(jq -r '[.untested[].command | strings][0]' half.json)
PATH=$(dirname "$DEARTH"):$PATH # as a reader would run it
status 0 sh -c "$command"
status 0 dearth replay --recording 2 half.db
status 0 "$DEARTH" report --gate half.db
# Alone, too, its command says which recording it means: another is the newest.
status 0 "$DEARTH" record -q -o half.db -- ./bad
"$DEARTH" report --program 'handled' -f text half.db | grep 'never replayed' >/dev/null && fail 'handled was replayed'
status 1 "$DEARTH" report --gate half.db

# A program that was built anew is judged in its new build, whatever the order; that there is another is said.
cp "$PROGRAMS/crashed" built
"$DEARTH" check -q -o old.db -- ./built >/dev/null 2>&1 || :
cp "$PROGRAMS/crashed-fixed" built
status 0 "$DEARTH" check -q -o new.db -- ./built
for order in 'old.db new.db' 'new.db old.db'; do
    rm -f builds.db
    # shellcheck disable=SC2086
    "$DEARTH" merge -q builds.db $order
    status 0 "$DEARTH" report --gate builds.db
    contains err '1 recording of another build than the newest of its program left out'
done

# Profiles: each program in turn; what is about one recording does not pass for all.
status 0 "$DEARTH" stats all.db
equal 3 "$(grep -c '^recording ' out)" 'recordings in stats'
contains out '3 of the 3 programs'
status 0 "$DEARTH" stats --program bad all.db
equal 1 "$(grep -c '^recording ' out)" 'one of them'
status 2 "$DEARTH" stats -f json all.db
status 0 "$DEARTH" stats -f json --program bad all.db
status 2 "$DEARTH" export all.db
contains err '3 programs'
status 0 "$DEARTH" export -r 1 all.db

# What several of them give to know is said once.
sqlite3 all.db "INSERT INTO note (recording_id, kind, text, subject) SELECT id, 'test', 'the same of each', exe FROM recording"
status 0 "$DEARTH" report -f text all.db
equal 1 "$(grep -c 'the same of each \[.*/[a-z]* and 2 more\]' out)" 'lines of text'
status 0 "$DEARTH" report -f markdown all.db
equal 1 "$(grep -c 'the same of each' out)" 'lines of markdown'
status 0 "$DEARTH" report -f json all.db
equal 3 "$(jq '[.. | objects | select(.text? == "the same of each")] | length' out)" 'notes in JSON'
