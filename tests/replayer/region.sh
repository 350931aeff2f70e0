#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Single calls are chosen: --from-symbol and --until-symbol a region of the run, --nth the N-th call of
# the run, --thread the calls of main threads or of the others.
. "$(dirname "$0")/../lib.sh"

# chosen DATABASE: each function with the occurrences that were tried there.
chosen() {
    sql "$1" "SELECT function || ':' || group_concat(occurrence) FROM (SELECT DISTINCT function, occurrence
        FROM attempt a JOIN site s ON s.id = a.site_id JOIN location l ON l.id = s.location_id
        WHERE a.fired ORDER BY 1, 2) GROUP BY function ORDER BY 1" | tr '\n' ' '
}
# try PROGRAM OPTIONS...: into a database of its own
try() {
    cp "$1.db" dearth.db
    rm -f dearth.db-*
    shift
    replay --mode once --occurrence all --leaks off "$@"
}
for program in region region-fixed roles roles-fixed; do
    "$DEARTH" record -o "$program.db" -- "$PROGRAMS/$program" >/dev/null 2>err
done

for how in rerun snapshot; do
    try region --how $how --from-symbol open_document --until-symbol 'close_doc*'
    equal 'keep:4,5,6,7 open_document:1 ' "$(chosen dearth.db)" "the region, $how"
    equal 1 "$(sql dearth.db "SELECT count(*) FROM finding WHERE verdict = 'crashed'")" 'its flaw'
    "$DEARTH" repro dearth.db 1 >out 2>err || fail 'the finding does not show again'
    contains err 'call 6 of site'
    try region-fixed --how $how --from-symbol open_document --until-symbol 'close_doc*'
    equal 0 "$(sql dearth.db 'SELECT count(*) FROM finding')" 'none in the twin'
done
try region --from-symbol close_document
equal 'close_document:1 keep:8,9 ' "$(chosen dearth.db)" 'from'
try region --until-symbol open_document
equal 'keep:1,2,3 ' "$(chosen dearth.db)" 'until'
equal 2 "$(sql dearth.db "SELECT count(*) FROM skipped WHERE reason = 'filtered'")" 'what is left out says so'
cp region.db first.db
"$DEARTH" replay --mode once --from-symbol open_document first.db >err 2>&1
equal 'close_document:1 keep:4 open_document:1 ' "$(chosen first.db)" 'the first call within'

# The N-th call of the run.
cp region.db nth.db
"$DEARTH" replay --leaks off --nth 7 nth.db >err 2>&1
equal 'keep|6|7|once|crashed' "$(sql nth.db "SELECT DISTINCT function, occurrence, call, mode, verdict FROM attempt
    JOIN site s ON s.id = site_id JOIN location l ON l.id = s.location_id")" '--nth'
"$DEARTH" report --format text nth.db >report
contains report 'call 7 of the run'
"$DEARTH" report nth.db | jq -e '.findings[0].fault | .call == 7 and .thread == "any"' >/dev/null ||
    fail 'the report does not say which call'
"$DEARTH" repro nth.db 1 >out 2>err || fail '--nth does not show again'
contains err 'call 7 of the run'
"$DEARTH" replay --leaks off --nth 2-9 nth.db >err 2>&1
equal '2,3,4,5,6,7,8,9' "$(sql nth.db "SELECT group_concat(call) FROM (SELECT DISTINCT call FROM attempt ORDER BY 1)")" \
    'a range; what was done is done'
cp region-fixed.db nth.db
"$DEARTH" replay --leaks off --nth 7 nth.db >err 2>&1
equal 'reported' "$(sql nth.db 'SELECT DISTINCT verdict FROM attempt')" '--nth of the twin'

# Threads: the child of the second thread has a main thread only.
exit_of_both() {
    sql dearth.db "SELECT DISTINCT exit_code FROM attempt a JOIN site s ON s.id = a.site_id
        JOIN location l ON l.id = s.location_id WHERE function = 'new_of_both'"
}
try roles --thread main --in 'new_of_*'
equal 'new_of_both:1 new_of_main:1 ' "$(chosen dearth.db)" '--thread main'
equal 6 "$(exit_of_both)" 'the call of the child failed, whose thread is a main thread'
equal 0 "$(sql dearth.db 'SELECT count(*) FROM finding')" 'no flaw there'
try roles --thread other --in 'new_of_*'
equal 'new_of_both:1 new_of_other:1 ' "$(chosen dearth.db)" '--thread other'
equal 5 "$(exit_of_both)" 'the call of the thread failed, the second of its site'
equal 'crashed|other' "$(sql dearth.db "SELECT f.verdict, a.thread FROM finding f JOIN attempt a ON a.id = f.attempt_id")" \
    'the flaw there'
"$DEARTH" repro dearth.db 1 >out 2>err || fail '--thread does not show again'
contains err 'in the other threads'
"$DEARTH" report --format text dearth.db >report
contains report 'in the other threads'
before=$(sql dearth.db 'SELECT count(*) FROM attempt')
replay --mode once --occurrence all --leaks off --thread other --in 'new_of_*'
equal "$before" "$(sql dearth.db 'SELECT count(*) FROM attempt')" 'nothing is done twice'
try roles-fixed --thread other --in 'new_of_*'
equal 0 "$(sql dearth.db 'SELECT count(*) FROM finding')" 'none in the twin'

# A failure that lasts, lasts for these threads alone.
for role in any main; do
    status 0 "$DEARTH" record -o sticky-$role.db -- "$PROGRAMS/sticky-thread"
    site=$(sql sticky-$role.db "SELECT hex(key) FROM site JOIN location ON location.id = location_id
        WHERE function = 'new_of_main'")
    status 0 "$DEARTH" replay --mode sticky --leaks off --thread $role --site "$site" sticky-$role.db
done
equal aborted "$(sql sticky-any.db 'SELECT DISTINCT verdict FROM attempt')" 'sticky, all threads'
equal 'reported' "$(sql sticky-main.db 'SELECT DISTINCT verdict FROM attempt')" 'sticky, the main thread'
status 0 "$DEARTH" replay --burst 9 --leaks off --thread main --site "$site" sticky-main.db
equal 'reported' "$(sql sticky-main.db "SELECT DISTINCT verdict FROM attempt WHERE mode = 'burst'")" 'a burst, the main thread'

# What cannot be.
status 2 "$DEARTH" replay --nth 0 region.db
contains err --nth
status 2 "$DEARTH" replay --nth 5-3 region.db
status 2 "$DEARTH" replay --nth 1000 region.db
contains err 'only 11'
status 2 "$DEARTH" replay --nth 1 --occurrence all region.db
contains err exclude
status 2 "$DEARTH" replay --from-symbol no_such_function region.db
contains err no_such_function
status 2 "$DEARTH" replay --from-symbol close_document --until-symbol open_document region.db
contains err --until-symbol
status 2 "$DEARTH" replay --thread main --depth 2 roles.db
contains err --thread

# dearth check passes them on.
status 1 "$DEARTH" check -o check.db --nth 7 --guard off --leaks off -- "$PROGRAMS/region"
equal '7' "$(sql check.db 'SELECT DISTINCT call FROM attempt')" 'check --nth'
equal 'off' "$(sql check.db "SELECT json_extract(options, '\$.guard') FROM replay")" 'check --guard'
status 0 "$DEARTH" check -o check2.db --from-symbol close_document --thread main --min-size 20 --shard 1/1 \
    --mode once -- "$PROGRAMS/region"
equal 'keep:8 ' "$(chosen check2.db)" 'check --from-symbol'
