#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Forked children are processes of their own also where the kernel does not wipe what they may not have of
# their parent's: an old one, which says so, and an emulator, which does not.
. "$(dirname "$0")/../lib.sh"

# processes DATABASE: origin, parent, events of each.
processes() {
    sql "$1" "SELECT p.origin, coalesce(f.ordinal, 0), p.events FROM process p
        LEFT JOIN process f ON f.id = p.parent_id ORDER BY p.ordinal"
}

ways='fork exec clearenv emptyenv closeall daemon deep'
# shellcheck disable=SC2086
record -o plain.db -- "$PROGRAMS/tree" $ways >out
for how in refuses ignores; do
    # shellcheck disable=SC2086
    "$PROGRAMS/kernel" $how "$DEARTH" record -o $how.db -- "$PROGRAMS/tree" $ways >out 2>err || {
        cat err >&2
        fail "$how: recording"
    }
    equal "$(processes plain.db)" "$(processes $how.db)" "$how: the processes"
    equal "$(grep -c '^leaf ' out)" "$(sql $how.db "SELECT count(DISTINCT process_id) FROM site_stat
        JOIN site ON site.id = site_id JOIN location ON location.id = location_id
        WHERE location.function = 'leaf_work'")" "$how: the leaves"
    equal 1 "$(sql $how.db 'SELECT exact FROM recording')" "$how: exact"
done
