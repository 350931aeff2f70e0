#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copies of a child that end in the same way, having printed the same: two whole runs show what its parent makes
# of all. One that has printed something else is not among them.
. "$(dirname "$0")/../lib.sh"

printf '#!/bin/sh\n"$1"\nexit 0\n' >script
chmod +x script

# verdicts FILE
verdicts() {
    sql "$1" "SELECT DISTINCT function, verdict FROM attempt JOIN site ON site.id = site_id
        JOIN location ON location.id = location_id WHERE function LIKE 'new_%' ORDER BY 1"
}

# try PROGRAM VERDICT
try() {
    "$DEARTH" record -q -o "$1.db" -- ./script "$PROGRAMS/$1" >/dev/null 2>&1
    cp "$1.db" "$1-rerun.db"
    "$DEARTH" replay -q --jobs 1 --leaks off --guard off --mode once --repeat 0 --how snapshot "$1.db" 2>err
    "$DEARTH" replay -q --jobs 1 --leaks off --guard off --mode once --repeat 0 --how rerun "$1-rerun.db" 2>err
    verdicts "$1.db" >snapshot.txt
    verdicts "$1-rerun.db" >rerun.txt
    diff rerun.txt snapshot.txt || fail "$1: the two ways disagree"
    equal 5 "$(wc -l <snapshot.txt)" "$1: sites"
    equal handled "$(site_verdicts "$1.db" once new_second)" "$1: printed all the same"
    equal "$2" "$(site_verdicts "$1.db" once new_third)" "$1: printed, or not"
    equal snapshot "$(sql "$1.db" "SELECT group_concat(DISTINCT how) FROM attempt JOIN site ON site.id = site_id
        JOIN location ON location.id = location_id WHERE function IN ('new_second', 'new_fourth')")" "$1: how"
    equal "$3" "$(sql "$1.db" "SELECT count(*) FROM refused JOIN site ON site.id = site_id
        JOIN location ON location.id = location_id WHERE reason = 'parent_decides' AND function LIKE 'new_%'")" \
        "$1: whole runs are counted as such"
}

try same-end degraded 3
try same-end-fixed handled 2
