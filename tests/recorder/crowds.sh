#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Crowds: more processes than the shared memory has room for at once, one after another; many at once; many
# threads. Every call is counted, by the program's own count, and memory is that of who is alive.
# tags: unsanitized
. "$(dirname "$0")/../lib.sh"

crowd() { # DATABASE HOW N CALLS: all of it is there, and exact
    local calls
    record -o "$1" --no-symbols -- "$PROGRAMS/crowd" "$2" "$3" "$4" >made
    equal "$(($3 * $4))" "$(cat made)" "calls made, $2"
    calls=$(sql "$1" "SELECT max(n) FROM (SELECT sum(count) AS n FROM site_stat GROUP BY site_id)")
    equal "$(cat made)|1|0|0" "$calls|$(sql "$1" 'SELECT exact, events_lost, processes_lost FROM recording')" \
        "calls recorded, exact, lost, $2"
}

# Slots of the directory are taken again: 8192 at once are the limit.
crowd forks.db forks 9000 5
equal '9001|9001|9001' "$(sql forks.db 'SELECT count(*), count(DISTINCT ordinal), max(ordinal) FROM process')" \
    'rows of processes'
equal 9000 "$(sql forks.db "SELECT count(*) FROM process p JOIN process f ON f.id = p.parent_id AND f.ordinal = 1
    WHERE p.events = 10 AND p.\"end\" = 'exit' AND p.exit_code = 0")" 'children, each whole'
equal 1 "$(sql forks.db 'SELECT own_bytes < 150000000 FROM recording')" 'memory'

crowd orphans.db orphans 150 5
equal 0 "$(sql orphans.db 'SELECT count(*) FROM process WHERE parent_id IS NULL AND ordinal > 1')" 'parents that have ended'

crowd alive.db alive 300 20
crowd threads.db threads 2500 20
equal 2501 "$(sql threads.db 'SELECT count(*) FROM thread')" 'threads at once'
crowd short.db short-threads 10000 5
equal 10001 "$(sql short.db 'SELECT count(*) FROM thread')" 'threads in turn'
equal 1 "$(sql short.db 'SELECT own_bytes < 30000000 FROM recording')" 'memory of threads in turn'

crowd holding.db holding 200 5

# More at once than there is room for: what is missing is counted, by processes or by calls, and named.
if (ulimit -v 500000 && "$DEARTH" --version >version 2>&1); then
    (
        ulimit -v 500000
        record -o full.db --no-symbols -- "$PROGRAMS/crowd" holding 500 5 >made
    )
    equal 2500 "$(cat made)" 'calls made, no room'
    equal '0|1|1' "$(sql full.db 'SELECT exact, processes_lost > 0, processes_lost + (SELECT count(*) FROM process) = 501
        FROM recording')" 'not exact, processes lost, all counted'
    equal 1 "$(sql full.db "SELECT count(*) FROM note WHERE kind = 'processes_lost'")" 'note'
    contains err 'not recorded'
fi
