#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The report follows its schema, says the same bytes twice, and adds up.
. "$(dirname "$0")/../lib.sh"
need jq
/usr/bin/python3 -c 'import jsonschema' 2>/dev/null || skip 'python3-jsonschema is not installed'

valid() {
    /usr/bin/python3 - "$SOURCE/schemas/report.schema.json" "$1" <<'P' || fail "$1 is not valid"
import json, sys
import jsonschema
schema, report = (json.load(open(name, encoding="utf-8")) for name in sys.argv[1:])
jsonschema.Draft202012Validator.check_schema(schema)
jsonschema.Draft202012Validator(schema).validate(report)
P
    echo "ok: $1 is valid"
}

record -o crashed.db -- "$PROGRAMS/crashed" >/dev/null
"$DEARTH" report -o recorded.json crashed.db
valid recorded.json
equal 0 "$(jq .summary.sites.tested recorded.json)" 'nothing tested before a replay'
"$DEARTH" replay --mode once --in new_node crashed.db >err 2>&1
"$DEARTH" report -o partly.json crashed.db
valid partly.json
equal 1 "$(jq .summary.sites.tested partly.json)" 'one site tested'
equal true "$(jq '[.untested[].reason] | all(. == "filtered")' partly.json)" 'the others are filtered'
dearth() {
    "$DEARTH" "$@"
}
line=$(jq -r '[.untested[].command | select(. != null)][0]' partly.json)
eval "$line" >err 2>&1 || fail "the command that tests an untested site: $line $(cat err)"
"$DEARTH" report -o more.json crashed.db
equal 2 "$(jq .summary.sites.tested more.json)" 'the command tested it'

"$DEARTH" replay --mode both crashed.db >err 2>&1
"$DEARTH" report -o first.json crashed.db
"$DEARTH" report -o second.json crashed.db
valid first.json
cmp first.json second.json || fail 'not the same bytes'
equal true "$(jq '.summary.sites | .total == .tested + .untested + .excluded and
    .testable == .tested + .untested' first.json)" 'sites add up'
equal true "$(jq '(.untested | length) == .summary.sites.untested + .summary.sites.excluded' first.json)" \
    'untested are listed'
equal true "$(jq '.summary.sites.total == (.sites | length)' first.json)" 'sites are listed'
equal true "$(jq '([.summary.verdicts[]] | add) >= .summary.sites.tested' first.json)" 'verdicts'
"$DEARTH" report --format text crashed.db >words
contains words new_node
contains words crashed
for program in badalloc multimap tree; do
    [ -x "$PROGRAMS/$program" ] || continue
    record -o "$program.db" -- "$PROGRAMS/$program" >/dev/null
    "$DEARTH" replay --mode once "$program.db" >err 2>&1
    "$DEARTH" report -o "$program.json" "$program.db"
    valid "$program.json"
done
status 2 "$DEARTH" report no-such.db
contains err no-such.db

# Without lines there is nothing for LCOV to say: that is said, and no empty file is left.
cp "$PROGRAMS/crashed" bare && strip bare
record -o bare.db -- ./bare >/dev/null
status 2 "$DEARTH" report -f lcov -o bare.info bare.db
contains err 'debug information'
[ ! -e bare.info ] || fail 'a file without a record'
status 0 "$DEARTH" report -f lcov -o crashed.info crashed.db
contains crashed.info end_of_record
