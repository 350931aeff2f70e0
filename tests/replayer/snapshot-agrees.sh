#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Snapshots and reruns give the same verdict for every fault of a real program; bad ones are
# confirmed; what lies in a tree of processes too.
. "$(dirname "$0")/../lib.sh"
need xmllint sqlite3 jq

verdicts() {
    sql "$1" "SELECT lower(hex(key)), occurrence, mode, group_concat(DISTINCT verdict) FROM attempt
        JOIN site ON site.id = site_id GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
}

# agree NAME MIN-FAULTS COMMAND...
agree() {
    local name=$1 least=$2
    shift 2
    "$DEARTH" record -o "$name.db" -- "$@" >/dev/null 2>err
    cp "$name.db" "$name-rerun.db"
    "$DEARTH" replay --leaks off --how snapshot "$name.db" >err 2>&1
    "$DEARTH" replay --leaks off --how rerun "$name-rerun.db" >err 2>&1
    verdicts "$name.db" >snapshot.txt
    verdicts "$name-rerun.db" >rerun.txt
    [ "$(wc -l <rerun.txt)" -ge "$least" ] || fail "$name: $(wc -l <rerun.txt) faults"
    diff rerun.txt snapshot.txt || fail "$name: the two ways disagree"
    echo "ok: $name: $(wc -l <rerun.txt) faults agree"
    # every finding has a rerun among its executions
    equal 0 "$(sql "$name.db" "SELECT count(*) FROM finding WHERE NOT EXISTS (SELECT 1 FROM
        finding_attempt JOIN attempt ON attempt.id = attempt_id
        WHERE finding_id = finding.id AND how = 'rerun')")" "$name: unconfirmed findings"
}

echo '<items><item id="1">one</item><item id="2"><b>two</b></item></items>' >items.xml
agree xml 100 xmllint --format items.xml
[ "$(sql xml.db "SELECT count(*) FROM attempt WHERE how = 'snapshot'")" -ge 100 ] ||
    fail 'few snapshots'
agree crashed 4 "$PROGRAMS/crashed"
# What nothing has confirmed is a finding that says so, until a further replay has.
"$DEARTH" record -q -o alone.db -- "$PROGRAMS/crashed" >/dev/null 2>&1
"$DEARTH" replay -q --leaks off --guard off --repeat 0 --how snapshot alone.db
"$DEARTH" report --format text -o alone.txt alone.db
contains alone.txt 'not confirmed by a run of its own'
equal false "$("$DEARTH" report alone.db | jq -c '[.findings[].confirmed] | any')" 'confirmed at first'
"$DEARTH" replay -q --leaks off --guard off alone.db
equal true "$("$DEARTH" report alone.db | jq -c '[.findings[].confirmed] | all')" 'confirmed by a further replay'

equal snapshot "$(sql crashed.db "SELECT DISTINCT how FROM attempt JOIN site ON site.id = site_id
    JOIN location ON location.id = location_id WHERE function = 'new_list'")" 'of what is reported'

# A shell's child: what ends it by a signal is a verdict; else the shell decides, in a rerun.
printf '#!/bin/sh\n"$1"\nexit 0\n' >script
chmod +x script
agree nested 4 ./script "$PROGRAMS/crashed"
equal 'rerun,snapshot' "$(sql nested.db "SELECT group_concat(how) FROM (SELECT DISTINCT how FROM attempt
    JOIN site ON site.id = site_id JOIN location ON location.id = location_id
    WHERE function = 'new_node' ORDER BY 1)")" 'crash of a nested process'
equal parent_decides "$(sql nested.db "SELECT DISTINCT reason FROM refused JOIN site ON site.id = site_id
    JOIN location ON location.id = location_id WHERE function = 'new_list'")" 'end of a nested process'

# Two processes of a tree come to a due order at the same moment: no failure is taken for the other's.
"$DEARTH" record -o siblings.db -- "$PROGRAMS/siblings" 2>err
"$DEARTH" replay -j 1 --leaks off --guard off --mode once --repeat 0 --how snapshot siblings.db >err 2>&1
equal 'aborts aborted
writes crashed' "$(sql siblings.db "SELECT DISTINCT substr(function, 1, 6) || ' ' || verdict FROM attempt
    JOIN site ON site.id = site_id JOIN location ON location.id = location_id
    WHERE function GLOB 'aborts_*' OR function GLOB 'writes_*' ORDER BY 1")" 'two children at once'
equal '' "$(sql siblings.db "SELECT DISTINCT reason FROM refused WHERE reason <> 'parent_decides'")" \
    'no order is lost'

# A second replay finds nothing left to do.
"$DEARTH" replay --leaks off --how snapshot crashed.db >err 2>&1
contains err 'nothing to try'
