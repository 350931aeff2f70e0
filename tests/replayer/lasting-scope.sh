#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Where there is a scope, a failure that lasts keeps to it: what others ask for, the caller of parse() as much as a
# test harness in the same module, they get. What only an error path comes to is decided as well, and what of it is not
# sure is said.
. "$(dirname "$0")/../lib.sh"

# lasting DATABASE: verdict, later calls that failed, those that got memory, of the first sticky attempt at parse()
lasting() {
    sql "$1" "SELECT verdict || ' ' || also_failed || ' ' || spared FROM attempt JOIN site ON site.id = site_id
        JOIN location ON location.id = location_id WHERE function GLOB '*parse' AND mode IN ('sticky', 'burst')
        AND under = 'plain' ORDER BY attempt.id LIMIT 1"
}
# try NAME PROGRAM [ARGUMENT...] -- OPTION...: record it and replay it into NAME.db
try() {
    local name=$1 words=()
    shift
    while [ "$1" != -- ]; do
        words+=("$1")
        shift
    done
    shift
    status 0 "$DEARTH" record -o "$name.db" -- "${words[@]}"
    status 0 "$DEARTH" replay --leaks off --guard off --repeat 0 "$@" "$name.db"
}

# In whole programs and in copies alike.
for how in rerun snapshot; do
    try flawed-$how "$PROGRAMS/scoped" -- --how $how --mode sticky --in parse
    equal 'crashed 1 0' "$(lasting flawed-$how.db)" "$how: the error path of the flawed program"
    try fixed-$how "$PROGRAMS/scoped-fixed" -- --how $how --mode sticky --in parse
    equal 'reported 1 1' "$(lasting fixed-$how.db)" "$how: that of its twin, and its caller gets memory"
    equal $how "$(sql fixed-$how.db "SELECT how FROM attempt")" "$how: it was"
done
equal '{"in":["parse"]}' "$(sql fixed-rerun.db 'SELECT DISTINCT scope FROM attempt')" 'the scope'
try burst "$PROGRAMS/scoped-fixed" -- --how rerun --burst 3 --in parse
equal 'reported 1 1' "$(lasting burst.db)" 'a burst counts what is in the scope'

# What is not in it, and what was tried with another scope.
try all "$PROGRAMS/scoped-fixed" -- --mode sticky --in parse
status 0 "$DEARTH" replay --leaks off --mode sticky all.db
equal 'aborted|' "$(sql all.db "SELECT DISTINCT verdict, scope FROM attempt JOIN site ON site.id = site_id
    JOIN location ON location.id = location_id WHERE function = 'parse' AND scope IS NULL AND under = 'plain'")" \
    'without a scope its caller gives up'
before=$(sql all.db 'SELECT count(*) FROM attempt')
status 0 "$DEARTH" replay --leaks off --mode sticky --in parse all.db
equal "$before" "$(sql all.db 'SELECT count(*) FROM attempt')" 'nothing is done twice'

# A child of a copy cannot be looked into: it is left to a whole program.
try child "$PROGRAMS/scoped-fixed" child -- --how auto --mode both --occurrence all --in parse --not-in keep_books
try child-copies "$PROGRAMS/scoped-fixed" child -- --how snapshot --mode sticky --in parse
equal 'reported 1 1' "$(lasting child.db)" 'a child'
equal scope "$(sql child-copies.db 'SELECT reason FROM refused')" 'a child of a copy'

# No later call at all is the same run, with a scope as without.
status 0 "$DEARTH" record -o after.db -- "$PROGRAMS/aftermath"
status 0 "$DEARTH" replay --leaks off --how snapshot --mode both --repeat 0 --in 'ends_at_*' --in 'asks_*' after.db
equal 'asks_again:0 ends_at_once:1' "$(sql after.db "SELECT group_concat(line, ' ') FROM (SELECT function || ':' ||
    inferred AS line FROM attempt JOIN site ON site.id = site_id JOIN location ON location.id = location_id
    WHERE mode = 'sticky' ORDER BY line)")" 'inferred'

# What is not sure is counted, and said.
try plugin "$PROGRAMS/scoped-fixed" plugin "$PROGRAMS/libplugin.so" -- --how rerun --mode sticky --not-in keep_books
equal 1 "$(sql plugin.db "SELECT min(unsure) > 0 FROM attempt JOIN site ON site.id = site_id JOIN location ON
    location.id = location_id WHERE function = 'parse'")" 'a module that the recording does not know'
status 0 "$DEARTH" report --format text plugin.db
contains out 'though not all of their stack is known'
equal 0 "$(sql fixed-rerun.db 'SELECT sum(unsure) FROM attempt')" 'what is sure is not counted'

# It shows again by the same scope: without one, keep_books() gives up first.
status 0 "$DEARTH" record -o books.db -- "$PROGRAMS/scoped" books
status 0 "$DEARTH" replay --leaks off --guard off --mode sticky --in parse --not-in keep_books books.db
status 0 "$DEARTH" repro books.db 1
contains err 'in the scope (--in parse --not-in keep_books)'
contains err 'showed again'
status 0 "$DEARTH" repro --print books.db 1
contains out 'in the scope (--in parse --not-in keep_books)'
status 0 "$DEARTH" report --format text books.db
contains out 'and every allocation after it in the scope (--in parse --not-in keep_books)'
status 0 "$DEARTH" report -o books.json books.db
equal '{"in":["parse"],"not_in":["keep_books"]} 1' \
    "$(jq -c '.findings[0].fault.scope' books.json) $(jq '.findings[0].fault.spared' books.json)" 'the report'

# Tests in Rust: libtest lies in the same module, and calls what is tested.
[ -x "$PROGRAMS/scoped-tests" ] || skip 'the rest: rustc is not installed'
for twin in '' -fixed; do
    try "rust$twin" "$PROGRAMS/scoped-tests$twin" -- --mode sticky --in 'scoped::parse'
done
equal aborted "$(lasting rust.db | cut -d' ' -f1)" 'Rust: the crate cannot compose its message'
equal 'handled 0' "$(lasting rust-fixed.db | cut -d' ' -f1,2)" 'Rust: the twin, and libtest reports'
equal 1 "$(sql rust-fixed.db 'SELECT min(spared) > 0 FROM attempt')" 'Rust: libtest got memory'
site=$(sql rust-fixed.db 'SELECT hex(key) FROM site JOIN attempt ON site.id = site_id LIMIT 1')
try rust-crate "$PROGRAMS/scoped-tests-fixed" -- --mode sticky --in scoped --site "$site"
equal 'handled 0' "$(lasting rust-crate.db | cut -d' ' -f1,2)" 'Rust: the main() of tests is in the crate, libtest is not'
try rust-all "$PROGRAMS/scoped-tests-fixed" -- --mode sticky --site "$site"
equal aborted "$(lasting rust-all.db | cut -d' ' -f1)" 'Rust: without a scope libtest aborts'
