#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A folder of databases: many writers at once, each into a file of its own, and every reader reads their join.
. "$(dirname "$0")/../lib.sh"
need jq sqlite3

for i in 1 2 3 4; do
    cp "$PROGRAMS/reported" "t$i"
    ("$DEARTH" check -q -o results/ -- "./t$i" >"$i.out" 2>&1 || echo "status $?" >>"$i.out") &
done
wait
equal '' "$(grep -h ^status ./*.out || :)" 'four checks at once'
equal 4 "$(find results -name '*.db' | wc -l)" 'a file each'
equal '700 600' "$(stat -c %a results "$(find results -name '*.db' | head -n 1)" | xargs)" modes

status 0 "$DEARTH" report --gate -o first.json results/
equal 4 "$(jq '.programs | length' first.json)" programs
for command in "view" "stats" "sql results 'SELECT count(*) FROM recording'"; do
    status 0 sh -c "'$DEARTH' $command $([ "${command#sql}" = "$command" ] && echo results/)"
done
contains out 4

# One more with a bug: the gate says so, and numbers that were given stay.
cp "$PROGRAMS/crashed" bad
"$DEARTH" check -q -o results -- ./bad >/dev/null 2>&1 || :
status 1 "$DEARTH" report --gate -o second.json results
id=$(jq '.findings[0].id' second.json)
status 0 "$DEARTH" record -q -o results/ -- "$PROGRAMS/handled"
status 1 "$DEARTH" report --gate -o third.json results/
contains err 'handled'
equal "$(jq -c '[.findings[] | [.id, .identity]] | sort' second.json)" "$(jq -c '[.findings[] | [.id, .identity]] | sort' third.json)" 'numbers of findings'
status 0 "$DEARTH" repro results/ "$id"
contains err "finding $id showed again"
sh -c "PATH=$(dirname "$DEARTH"):\$PATH; $(jq -r '.findings[0].repro' third.json)" >/dev/null 2>&1 || fail 'the printed command'

# What goes on in one of the files comes in, once.
file=$(grep -l handled results/2*.db | tail -n 1)
status 0 "$DEARTH" replay "$file"
"$DEARTH" report -o fourth.json results/
equal null "$(jq '.completeness.notes[] | select(.kind == "program_not_replayed")' fourth.json | jq -s '.[0]')" 'replayed meanwhile'
"$DEARTH" report -o fifth.json results/
cmp fourth.json fifth.json || fail 'joining again changed something'

# What is still being recorded is no evidence yet.
cp "$file" half.db
sqlite3 half.db "UPDATE recording SET state = 'running'"
mv half.db results/half.db
status 2 "$DEARTH" report --gate results/
contains err 'half.db'
contains err 'dearth recover'
rm results/half.db
status 2 "$DEARTH" report empty/
mkdir empty
status 2 "$DEARTH" report empty
contains err 'holds no database'
