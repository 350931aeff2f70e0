#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copies of a child that end in the same way, having printed the same: two whole runs show what its parent makes
# of all. One that has printed something else is not among them, whether to us or to a process that waits for it, nor one
# that has crashed and ends by its handler.
. "$(dirname "$0")/../lib.sh"

printf '#!/bin/sh\n"$1"\nexit 0\n' >script
# Its reader allocates nothing by itself: it does not ask for copies while the other one does.
printf '#!/bin/sh\n"$1" | while read -r line; do echo "$line"; done\nexit 0\n' >piped
printf '#!/bin/sh\n"$1" || exit 5\nexit 0\n' >looking
chmod +x script piped looking

# verdicts FILE
verdicts() {
    sql "$1" "SELECT DISTINCT function, verdict FROM attempt JOIN site ON site.id = site_id
        JOIN location ON location.id = location_id WHERE function LIKE 'new_%' ORDER BY 1"
}

# shown_by_copies DATABASE: how many of the copies that end alike stand for themselves
shown_by_copies() {
    sql "$1" "SELECT count(*) FROM attempt JOIN site ON site.id = site_id JOIN location ON location.id = location_id
        WHERE function LIKE 'new_%' AND how = 'snapshot'"
}

# try SCRIPT PROGRAM SECOND THIRD FOURTH: where the shell is not back in its wait in time, a whole run shows what a copy would
try() {
    local script=$1
    shift
    "$DEARTH" record -q -o "$1-recorded.db" -- "./$script" "$PROGRAMS/$1" >/dev/null 2>&1
    cp "$1-recorded.db" "$1-rerun.db"
    "$DEARTH" replay -q --jobs 1 --leaks off --guard off --mode once --repeat 0 --how rerun "$1-rerun.db" 2>err
    verdicts "$1-rerun.db" >rerun.txt
    equal 5 "$(wc -l <rerun.txt)" "$1: sites"
    for _ in 1 2 3 4 5 6 7 8; do
        cp "$1-recorded.db" "$1.db"
        "$DEARTH" replay -q --jobs 1 --leaks off --guard off --mode once --repeat 0 --how snapshot "$1.db" 2>err
        verdicts "$1.db" >snapshot.txt
        diff rerun.txt snapshot.txt || fail "$1: the two ways disagree"
        [ "$(shown_by_copies "$1.db")" = 0 ] || break
    done
    equal "$2" "$(site_verdicts "$1.db" once new_second)" "$script $1: printed all the same"
    equal "$3" "$(site_verdicts "$1.db" once new_third)" "$script $1: printed, or not"
    equal "$4" "$(site_verdicts "$1.db" once new_fourth)" "$script $1: a handler that ends it as others end"
    [ "$(shown_by_copies "$1.db")" != 0 ] || fail "$script $1: no copy was shown by two whole runs"
    equal 1 "$(sql "$1.db" "SELECT count(*) >= 2 FROM refused JOIN site ON site.id = site_id
        JOIN location ON location.id = location_id WHERE reason = 'parent_decides' AND function LIKE 'new_%'")" \
        "$script $1: whole runs are counted as such"
}

for script in script piped; do # it ends well whatever becomes of its child
    try "$script" same-end handled degraded handled
    try "$script" same-end-fixed handled handled handled
done
try looking same-end reported reported crashed
try looking same-end-fixed reported reported reported
