#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Depth alone makes no new site, and a stack of thousands of frames is whole.
. "$(dirname "$0")/../lib.sh"

sites_of() {
    sql "$1" "SELECT count(DISTINCT site.id) FROM site JOIN location ON location.id = location_id
        WHERE location.function = 'new_level'"
}
for depth in 10 100 400; do
    record -o "$depth.db" -- "$PROGRAMS/recursion" "$depth" >out
    equal $((2 * (depth + 1))) "$(sql "$depth.db" "SELECT sum(count) FROM site_stat
        JOIN site ON site.id = site_id JOIN location ON location.id = location_id
        WHERE location.function = 'new_level'")" "calls at depth $depth"
done
equal "$(sites_of 10.db)" "$(sites_of 100.db)" 'sites at depths 10 and 100'
equal "$(sites_of 10.db)" "$(sites_of 400.db)" 'sites at depths 10 and 400'
equal 0 "$(sql 400.db 'SELECT stacks_truncated FROM recording')" 'truncated at depth 400'

# A stack that was cut is cut at the same frame in a replay.
record -o cut.db --max-depth 20 -- "$PROGRAMS/recursion" 60 >out
status 0 "$DEARTH" replay -q cut.db --in new_level --how rerun
equal 0 "$(sql cut.db "SELECT count(*) FROM attempt WHERE verdict = 'unreached'")" 'unreached with cut stacks'
[ "$(sql cut.db 'SELECT count(*) FROM attempt')" -gt 0 ] || fail 'nothing was tried'
