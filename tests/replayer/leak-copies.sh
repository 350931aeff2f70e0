#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copies look for leaks first. What they show to be clean needs no whole program; a leak is a finding only
# when whole programs show it, and the same leaks are found as without copies.
. "$(dirname "$0")/../lib.sh"

record -- "$PROGRAMS/leak-paths" </dev/null
cp dearth.db recorded.db

# lost DATABASE: failed function, function whose blocks are lost, how often it was seen
lost() {
    sql "$1" "SELECT DISTINCT lf.function || ' ' || lb.function || ' ' || count(DISTINCT a.id)
        FROM leak k JOIN attempt a ON a.id = k.attempt_id JOIN site f ON f.id = a.site_id
        JOIN location lf ON lf.id = f.location_id JOIN site b ON b.id = k.site_id
        JOIN location lb ON lb.id = b.location_id WHERE a.how = 'rerun' GROUP BY a.site_id, k.site_id ORDER BY 1"
}
# looked HOW FUNCTION: executions that way, of a fault there, that were searched
looked() {
    sql dearth.db "SELECT count(*) FROM attempt a JOIN site s ON s.id = a.site_id JOIN location l ON l.id = s.location_id
        WHERE a.leaked IS NOT NULL AND a.how = '$1' AND l.function = '$2'"
}
wanted='child_loses make_message 2
loses_message make_message 2
loses_owner make_owner 2'

replay --how rerun --mode once --guard off --leaks site
equal "$wanted" "$(lost dearth.db)" 'by whole programs alone'
equal 0 "$(sql dearth.db "SELECT count(*) FROM attempt WHERE how = 'snapshot'")" 'no copies'
sql dearth.db "SELECT hex(key), verdict, leaked FROM attempt JOIN site ON site.id = site_id WHERE leaked IS NOT NULL
    GROUP BY 1, 2, 3 ORDER BY 1" >by-reruns

cp recorded.db dearth.db
replay -j 1 --how snapshot --mode once --guard off --leaks site
equal "$wanted" "$(lost dearth.db)" 'with copies'
sql dearth.db "SELECT hex(key), verdict, leaked FROM attempt JOIN site ON site.id = site_id WHERE leaked IS NOT NULL
    GROUP BY 1, 2, 3 ORDER BY 1" >by-copies
cmp by-reruns by-copies || fail 'each fault leaks the same'
equal 0 "$(sql dearth.db "SELECT count(*) FROM attempt WHERE how = 'snapshot' AND leaked > 0")" 'leaks on the word of a copy alone'
# The original has a library later in whose place a copy had another.
equal '1 0' "$(looked snapshot gzdopen) $(looked rerun gzdopen)" 'gzdopen: its site is known for what it is'
for clean in tidies ends_inside loads; do
    equal '1 0' "$(looked snapshot $clean) $(looked rerun $clean)" "$clean: one copy, no whole program"
    equal 1 "$(sql dearth.db "SELECT count(*) FROM attempt a JOIN site s ON s.id = a.site_id
        JOIN location l ON l.id = s.location_id WHERE l.function = '$clean'")" "$clean: the copy that has shown its verdict"
done
for leaking in loses_owner loses_message; do
    equal '0 2' "$(looked snapshot $leaking) $(looked rerun $leaking)" "$leaking: two whole programs"
done
equal '0 2' "$(looked snapshot child_loses) $(looked rerun child_loses)" 'a copy with a child is no witness'

# A copy that is made before dearth's constructor has run is no second process of its original, of which nothing was seen.
rm -f dearth.db
record -- "$PROGRAMS/early"
replay -j 1 --how snapshot --guard off --leaks site
equal 'does_without 0 1' "$(sql dearth.db "SELECT l.function || ' ' || a.leaked || ' ' || count(*) FROM attempt a
    JOIN site s ON s.id = a.site_id JOIN location l ON l.id = s.location_id
    WHERE l.function = 'does_without' AND a.mode = 'once'")" 'a library that asks for memory first'
