#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# --only-exe: of a tree of programs those alone are recorded, and failed, whose path or name matches; what they
# are started by, and start, is left alone, counted and named.
. "$(dirname "$0")/../lib.sh"

tree="sh -c '\"$PROGRAMS/hello\"; env \"$PROGRAMS/handled\"; true'"
record -o one.db --only-exe 'hand*' -- sh -c "$tree"
equal "$PROGRAMS/handled" "$(sql one.db 'SELECT group_concat(exe) FROM process')" 'by name'
equal 1 "$(sql one.db 'SELECT exact FROM recording')" 'exact'
equal '["hand*"]' "$(sql one.db 'SELECT only_exe FROM recording')" 'globs'
note=$(sql one.db "SELECT text FROM note WHERE kind = 'left_out'")
case $note in *hello*) echo "ok: $note" ;; *) fail "left out: $note" ;; esac
contains err 'programs that --only-exe does not name were not recorded'
record -o all.db -- "$PROGRAMS/handled"
sums='SELECT hex(key), count, bytes, frees, live_blocks FROM site_stat JOIN site ON site.id = site_id ORDER BY 1'
equal "$(sql all.db "$sums")" "$(sql one.db "$sums")" 'its sites, as by itself'

# by path, a class, several globs; what is named is recorded in every process of it
record -o two.db --only-exe "*/programs/h[a-f]llo" --only-exe "$PROGRAMS/hand???" -- sh -c "$tree; $tree"
equal "2|$PROGRAMS/handled 2|$PROGRAMS/hello" \
    "$(sql two.db 'SELECT count(*), exe FROM process GROUP BY exe ORDER BY exe' | paste -sd' ')" 'by path'
record -o other.db --only-exe 'h[!e]*o' --only-exe 'handle' --only-exe '[h' -- sh -c "$tree"
equal 0 "$(sql other.db 'SELECT count(*) FROM process')" 'no glob matches'

# Nothing matches: said, not exact, the program's status kept, and no green.
status 3 "$DEARTH" record -o none.db --only-exe nosuch -- sh -c 'true; exit 3'
contains err '--only-exe matches neither path nor file name of any'
lacks err 'next:'
equal '0|0' "$(sql none.db 'SELECT exact, (SELECT count(*) FROM process) FROM recording')" 'nothing recorded'
status 1 "$DEARTH" report --gate none.db

# Its replay leaves the others alone as well.
replay one.db
equal "$(sql one.db 'SELECT count(DISTINCT site_id) FROM site_stat')" \
    "$(sql one.db 'SELECT count(DISTINCT site_id) FROM attempt')" 'sites that were failed'
equal 0 "$(sql one.db "SELECT count(*) FROM attempt WHERE verdict NOT IN ('handled', 'reported')")" 'verdicts that are not right'
status 0 "$DEARTH" report --gate --format text one.db

status 125 "$DEARTH" record -o x.db --only-exe '' -- true
contains err 'takes a glob'
