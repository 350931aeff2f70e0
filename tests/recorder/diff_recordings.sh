#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `dearth diff`: changes are B - A; a rebuilt program's sites are matched by their functions.
. "$(dirname "$0")/../lib.sh"
need jq sqlite3

make=$BUILD/tests/recorder/make_database
"$make" a.db --events 20000
"$make" b.db --events 30000 --seed 3 --shift 2 # other addresses, other keys
diff_json() {
    "$DEARTH" diff -f json -n 0 "$@" >diff.json
}
sum() {
    jq "[.items[] | (.b.$1 // 0) - (.a.$1 // 0)] | add // 0" diff.json
}

diff_json a.db b.db -r 1,1
for column in bytes allocations+failed:count live_bytes:live_bytes_at_exit; do
    wanted=$(($(sql b.db "SELECT ${column%:*} FROM recording WHERE id = 1") - $(sql a.db "SELECT ${column%:*} FROM recording WHERE id = 1")))
    equal "$wanted" "$(sum "${column#*:}")" "change of ${column%:*}"
done
equal true "$(jq '[.items[] | (.b.bytes - .a.bytes) | fabs] | . == (sort | reverse)' diff.json)" 'largest change first'

diff_json a.db b.db -r 1,1 --by site
equal '["portable_key"]' "$(jq -c '[.items[].matched_by] | unique' diff.json)" 'sites of a rebuilt program'
diff_json a.db a.db --by site
equal 0 "$(jq .changed diff.json)" 'changes of nothing'
status 0 "$DEARTH" diff -r 1,1 a.db
contains out 'nothing changed'

# One side only.
sqlite3 b.db "UPDATE location SET name = '/src/new.c:5', function = 'fresh' WHERE id = 1"
status 0 "$DEARTH" diff a.db b.db
contains out 'fresh (/src/new.c:5) (new)'
contains out 'work_0 (/src/work.c:100) (gone)'

# A portable key that several sites have is no name.
sqlite3 a.db "UPDATE site SET portable_key = x'77' WHERE id IN (1, 2)"
sqlite3 b.db "UPDATE site SET portable_key = x'77' WHERE id = 1"
diff_json a.db b.db -r 1,1 --by site
equal null "$(jq -r '.items[] | select(.b != null and .a == null and .b.key == "'"$(sql b.db 'SELECT lower(hex(key)) FROM site WHERE id = 1')"'") | .matched_by' \
    diff.json)" 'ambiguous sites'

status 2 "$DEARTH" diff a.db
contains err --recordings
status 2 "$DEARTH" diff a.db b.db --recordings 1
contains err 1,2
status 2 "$DEARTH" diff a.db b.db --recordings 1,9
contains err 'no recording 9'
