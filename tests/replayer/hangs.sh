#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a program does that does not end: spinning, allocating, sleeping, waiting; and one that is
# merely slow. What is proven never to end is not waited for; what ends after all is.
# tags: waits unsanitized
. "$(dirname "$0")/../lib.sh"

# hang FUNCTION MODE: what the attempts at it that hung were doing, each once.
hang() {
    sql dearth.db "SELECT group_concat(DISTINCT hang) FROM attempt JOIN site ON site.id = site_id
        JOIN location ON location.id = location_id
        WHERE verdict = 'hung' AND location.function = '$1' AND mode = '$2'"
}
again() {
    rm -f dearth.db* && record -- "$@" >/dev/null
}

again "$PROGRAMS/spinning"
replay --timeout 1s --in new_end --mode once
equal spinning "$(hang new_end once)" 'a loop in a list'
"$DEARTH" report --format text >out
contains out 'hung: spinning'
contains out 'twice in    count ('
"$DEARTH" report >report.json
equal count "$(jq -r '.findings[0].hang.loop.function' report.json)" 'the loop in the report'

# blamed_loop FUNCTION: the loop, and who is blamed for it.
blamed_loop() {
    "$DEARTH" report | jq -r ".findings[] | select(.fault.location.function == \"$1\") |
        .place + \" \" + .attribution.kind"
}

again "$PROGRAMS/loops-through"
replay --timeout 1s --in new_end --mode once
equal 'hung|loops-through!retry program' "$(blamed_loop new_end)" 'most of its time is in what it calls'
again "$PROGRAMS/loops-through" getdelim
replay --timeout 1s --in read_first --mode sticky
equal 'hung|loops-through!read_first program' "$(blamed_loop read_first)" 'most of its time is in libc'

again "$PROGRAMS/hung"
replay --timeout 1s --in new_buffer --mode sticky
equal allocating "$(hang new_buffer sticky)" 'a loop around malloc'
replay --timeout 1s --in start_job --mode once
equal polling "$(hang start_job once)" 'a loop around a sleep'

# Deeper and deeper: that ends with the stack, past the limit, and is a crash; at one depth it is a hang.
# descends PROGRAM [THREAD]: what came of a lasting failure of the message
descends() {
    again "$PROGRAMS/$1" ${2:+"$2"}
    replay --timeout 400ms --in compose --mode sticky --repeat 1 --leaks off --guard off --how rerun
    sql dearth.db "SELECT group_concat(DISTINCT verdict || coalesce(' ' || hang, ' ' || cause, '')) FROM attempt"
}
for of in '' thread; do
    equal 'crashed stack overflow, by calls that go round' "$(descends descends $of)" "deeper and deeper: $of"
    equal 'hung printing' "$(descends descends-endless $of | sed 's/ past.*//')" "for ever: $of"
    equal reported "$(descends descends-fixed $of)" "the message is a constant: $of"
done
if (ulimit -s unlimited) 2>/dev/null; then
    ulimit -S -s unlimited
    equal 'hung recursing' "$(descends descends | sed 's/ past.*//')" 'deeper and deeper, and there is no end to the stack'
    "$DEARTH" report --format text >out
    contains out 'hung: recursing'
    ulimit -S -s 8192
fi

again "$PROGRAMS/deadlock"
replay --timeout 1s --in new_entry --mode once
equal deadlock "$(hang new_entry once)" 'a lock that is kept'
"$DEARTH" report --format text >out
contains out 'hung: deadlock'
contains out 'futex'
contains out 'work ('

again "$PROGRAMS/slow-fallback"
replay --timeout 1s --in new_buffer --mode once
equal handled "$(site_verdicts dearth.db once new_buffer)" 'slow, and always something new'
again "$PROGRAMS/slow-fallback" stuck
replay --timeout 1s --in new_buffer --mode once
equal hung "$(site_verdicts dearth.db once new_buffer)" 'the same for ever'

# late: attempts that hung, and others; those that used up half of a limit of 20 s first.
late() {
    sql dearth.db "SELECT sum(verdict = 'hung') > 0, sum(verdict = 'hung'
        AND max(cpu_ns, CASE hang WHEN 'deadlock' THEN duration_ns ELSE 0 END) > 10e9) FROM attempt"
}
if [ "$(uname -m)" = x86_64 ]; then
    again "$PROGRAMS/round"
    replay --timeout 20s --in new_end --repeat 1
    equal spinning "$(hang new_end once)" 'an endless search'
    equal '1|0' "$(late)" 'a search that has come round'
    again "$PROGRAMS/round"
    replay --timeout 6m --in new_end --mode once --repeat 1
    equal '1|0' "$(sql dearth.db "SELECT sum(verdict = 'hung') > 0, sum(cpu_ns > 40e9) FROM attempt")" \
        'it is looked at after what a run takes, whatever the limit'
    again "$PROGRAMS/hung"
    replay --timeout 20s --in new_buffer --mode sticky --repeat 1
    equal allocating "$(hang new_buffer sticky)" 'an endless loop around malloc'
    equal '1|0' "$(late)" 'a loop around a malloc that fails for ever'
    again "$PROGRAMS/deadlock"
    replay --timeout 20s --in new_entry --mode once --repeat 1
    equal deadlock "$(hang new_entry once)" 'a lock that is kept for ever'
    equal '1|0' "$(late)" 'threads that nobody can wake'
fi
for end in timer clock number lock; do
    again "$PROGRAMS/round" "$end"
    replay --timeout 2s --in new_end --mode once
    equal reported "$(site_verdicts dearth.db once new_end)" "ended after all: $end"
done
