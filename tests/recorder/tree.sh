#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every process of a tree is recorded, however it was started.
. "$(dirname "$0")/../lib.sh"

for way in fork exec vfork spawn system popen clearenv emptyenv closeall daemon deep; do
    record -o "$way.db" -- "$PROGRAMS/tree" "$way" >out
    leaves=$(grep -c '^leaf ' out)
    equal "$leaves|$((leaves * 4242))" "$(sql "$way.db" "SELECT sum(count), sum(bytes) FROM site_stat
        JOIN site ON site.id = site_id JOIN location ON location.id = location_id
        WHERE location.function = 'leaf_work'")" "allocations of the leaves, $way"
    equal "$leaves" "$(sql "$way.db" "SELECT count(DISTINCT process_id) FROM site_stat
        JOIN site ON site.id = site_id JOIN location ON location.id = location_id
        WHERE location.function = 'leaf_work'")" "processes, $way"
done
equal 1 "$(sql exec.db "SELECT count(*) FROM process WHERE origin = 'first'")" 'first process'
equal 1 "$(sql exec.db "SELECT count(*) FROM process WHERE origin = 'exec'")" 'exec'
equal "[\"$PROGRAMS/tree\",\"leaf\",\"exec\"]" \
    "$(sql exec.db "SELECT argv FROM process WHERE origin = 'exec'")" 'arguments after exec'
equal 0 "$(sql deep.db "SELECT count(*) FROM process WHERE parent_id IS NULL AND origin <> 'first'")" \
    'every process has a parent'

# One that was started found who started it among others, in an entry that others had before.
record -o started.db -- sh -c 'i=0; while [ $i -lt 20 ]; do "$0" leaf x; i=$((i + 1)); done; exec "$0" leaf x' "$PROGRAMS/tree" >out
equal '21 1' "$(sql started.db "SELECT count(*) || ' ' || count(DISTINCT p.parent_id) FROM process p JOIN process f ON
    f.id = p.parent_id AND f.origin = 'first' WHERE p.origin = 'exec'")" 'parents of programs that were started'

record -o all.db -- "$PROGRAMS/tree" fork exec vfork spawn system popen clearenv emptyenv \
    closeall daemon deep >out
equal "$(grep -c '^leaf ' out)" "$(sql all.db "SELECT sum(count) FROM site_stat
    JOIN site ON site.id = site_id JOIN location ON location.id = location_id
    WHERE location.function = 'leaf_work'")" 'all at once'
equal 1 "$(sql all.db 'SELECT exact FROM recording')" 'exact'
