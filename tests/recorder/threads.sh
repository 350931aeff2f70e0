#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Threads: not an event is lost, and blocks handed between threads are paired with their frees.
. "$(dirname "$0")/../lib.sh"

record -- "$PROGRAMS/threads" 8 5000 >/dev/null
of_function() {
    sql dearth.db "SELECT sum(count), sum(bytes), sum(frees), sum(live_blocks), sum(cross_thread_frees)
        FROM site_stat JOIN site ON site.id = site_id JOIN location ON location.id = location_id
        WHERE location.function = '$1'"
}
equal '40000|1920000|40000|0|0' "$(of_function new_mine)" 'freed by the same thread'
equal '40000|3840000|40000|0|40000' "$(of_function new_gift)" 'freed by another thread'
equal 9 "$(sql dearth.db 'SELECT count(*) FROM thread')" 'threads'
equal 1 "$(sql dearth.db 'SELECT exact FROM recording')" 'exact'

# More of them: a free stamped before the load that got its block shows once in some 100,000.
rm dearth.db
record -- "$PROGRAMS/threads" 8 40000 >/dev/null
equal '320000|30720000|320000|0|320000' "$(of_function new_gift)" 'freed by another thread, many'
