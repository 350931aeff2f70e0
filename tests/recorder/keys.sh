#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The same program makes the same sites in every run, whatever its address space and environment.
. "$(dirname "$0")/../lib.sh"

same_keys() { # NAME PROGRAM ARGS
    local name=$1
    shift
    record -o "$name.db" -- "$@" >/dev/null
    record -o "$name.db" -- "$@" >/dev/null
    env -i SOMETHING="$(printf 'x%.0s' $(seq 3000))" PATH="$PATH" HOME="$HOME" \
        "$DEARTH" record -o "$name.db" -- "$@" >/dev/null 2>err
    for recording in 2 3; do
        equal '' "$(sql "$name.db" "
            WITH r(n, id) AS (SELECT DISTINCT recording_id, site_id FROM site_stat)
            SELECT hex(key) FROM site JOIN r ON r.id = site.id WHERE n IN (1, $recording)
            GROUP BY site.id HAVING count(*) = 1")" "$name: keys not in both runs 1 and $recording"
    done
    [ "$(sql "$name.db" 'SELECT count(*) FROM site')" -gt "$sites" ] || fail "$name: few sites"
}

sites=2
same_keys recursion "$PROGRAMS/recursion"
same_keys tree "$PROGRAMS/tree" fork exec vfork spawn # a shell looks at its environment
same_keys oracle "$PROGRAMS/oracle"
[ ! -x "$PROGRAMS/badalloc" ] || same_keys badalloc "$PROGRAMS/badalloc"
sites=100
command -v jq >/dev/null && same_keys jq jq -n '[range(5)] | map(tostring) | add'
