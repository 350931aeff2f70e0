#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A program that has files open for writing is copied all the same. What a copy does to them is judged as
# after a whole run, and undone before the original goes on; where it cannot be undone, the original is ended.
. "$(dirname "$0")/../lib.sh"

# Which few of many like ones are looked at once more, for what they leave, is a matter of which ended first.
attempts() {
    sql "$1" "SELECT lower(hex(key)), occurrence, mode, verdict, exit_code, exit_signal, files_same, differs
        FROM attempt JOIN site ON site.id = site_id WHERE repeat = 0 ORDER BY 1, 2, 3"
}

# How many faults of new_line took a whole run, to begin with.
left() {
    sql "$1" "SELECT count(DISTINCT attempt.id) FROM attempt JOIN site ON site.id = site_id JOIN location ON
        location.id = location_id WHERE function = 'new_line' AND how = 'rerun' AND repeat = 0"
}

make_tree() {
    rm -rf tree
    mkdir -p tree/kept
    echo old >tree/old
    echo inner >tree/kept/inner
    ln -s inner tree/kept/link
}

# try WHAT FAULTS [OPTION...]: all of them by copies, and as whole runs have it.
try() {
    local what=$1 n=$2 way
    shift 2
    rm -f snapshot.db* rerun.db*
    make_tree
    (cd tree && "$DEARTH" record -q -o ../snapshot.db -- "$PROGRAMS/rewriter" "$what" "$n" >/dev/null)
    make_tree
    cp snapshot.db rerun.db
    find tree -printf '%p %m %T@ %i\n' | sort >before
    for way in snapshot rerun; do
        "$DEARTH" replay -q --leaks off --guard off --repeat 0 --occurrence all "$@" --how $way $way.db >err 2>&1 ||
            fail "$(cat err)"
        attempts $way.db >$way.txt
    done
    diff rerun.txt snapshot.txt || fail "$what: the two ways disagree"
    [ "$(wc -l <rerun.txt)" -ge "$n" ] || fail "$what: $(wc -l <rerun.txt) faults"
    find tree -printf '%p %m %T@ %i\n' | sort | diff before - || fail "$what: files changed"
    equal 0 "$(sql snapshot.db 'SELECT count(*) FROM attempt WHERE fired = 0')" "$what: without proof"
    equal 0 "$(sql snapshot.db "SELECT count(*) FROM refused WHERE reason = 'diverged'")" "$what: an original noticed"
}

# Each copy that is not undone ends its original, and whoever has waited for the third time is left to rerun.
for what in stops goes-on truncates unlinks renames removes links-again makes links modes overwrites maps replaces crashes; do
    try $what 6
    equal 0 "$(left snapshot.db)" "$what: left to rerun"
done
equal 0 "$(sql snapshot.db "SELECT DISTINCT files_same FROM attempt WHERE exit_signal = 6")" 'what copies wrote is compared'

# A hundred copies, each undone: the original's last look finds every byte in its place, or it would diverge.
try unlinks 100 --mode once
equal 0 "$(left snapshot.db)" 'a hundred copies: left to rerun'

# A lower folder that is gone is not made anew: each such copy is the last of its original.
# So is one that leaves no whole file to whom has it open.
try uproots 2
try tears 2

# Whose are the files? A copy has another process id than what the program was told before.
try asks 2
equal process_id "$(sql snapshot.db "SELECT group_concat(DISTINCT reason) FROM refused JOIN site ON site.id = site_id JOIN
    location ON location.id = location_id WHERE function = 'new_line'")" 'asks: refused'
