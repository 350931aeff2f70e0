#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A tree of many processes needs more shared memory than a run starts with: the baseline's sites are
# those of the recording all the same.
. "$(dirname "$0")/../lib.sh"

record -- bash -c 'for i in $(seq 60); do env true; done; env sort /dev/null' >/dev/null
processes=$(sql dearth.db 'SELECT count(*) FROM process')
[ "$processes" -gt 60 ] || fail "$processes processes only"
replay --mode once --limit 1
equal "$(sql dearth.db 'SELECT count(DISTINCT site_id) FROM site_stat')" \
    "$(sql dearth.db 'SELECT count(DISTINCT site_id) FROM baseline_site')" 'sites of the baseline'
equal 0 "$(sql dearth.db 'SELECT count(*) FROM site_stat WHERE site_id NOT IN
    (SELECT site_id FROM baseline_site)')" 'sites that no baseline run reached'

# Where there is no room for all of them it is said so, and the program does not stand still for each.
if (ulimit -v 400000 && "$DEARTH" --version >version 2>&1); then
    rm -f dearth.db
    record -- "$PROGRAMS/crowd" forks 400 5 >/dev/null
    equal '1|0' "$(sql dearth.db 'SELECT exact, processes_lost FROM recording')" 'exact, lost'
    (
        ulimit -v 400000
        replay --how rerun --limit 1 --mode once --jobs 1
    )
    equal 1 "$(sql dearth.db "SELECT count(*) FROM note WHERE kind = 'processes_lost' AND replay_id IS NOT NULL
        AND text LIKE '% of 401 processes %'")" 'processes without room'
fi
