#!/usr/bin/env bash
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
