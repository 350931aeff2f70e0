#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a finding shows of its class, and that the corrected twin has none: a leak with the stacks of
# the block and of the failed call; a facility of the C library that a program went on without.
. "$(dirname "$0")/../lib.sh"
need jq

# report PROGRAM OPTIONS...: recorded, replayed, in report.json and in words.
report() {
    rm -f dearth.db*
    record -- "$PROGRAMS/$1" >/dev/null
    replay --mode once "${@:2}"
    "$DEARTH" report -o report.json dearth.db
    "$DEARTH" report --format text dearth.db >words
}

report leak
sed -n 's/^ \* leaks: \([a-z_]*\) \([a-z_]*\)$/\1 \2/p' "$SOURCE/tests/programs/leak.c" | sort -u >wanted
jq -r '.findings[] | select(.leaked) | .fault.location.function as $fault | .leaks[] |
    $fault + " " + .location.function' report.json | sort -u >seen
equal "$(cat wanted)" "$(cat seen)" 'failed call and lost block'
equal true "$(jq '[.findings[] | select(.leaked) | .leaks[] | .stack | length >= 2 and any(.[]; .function == "main")] |
    length > 0 and all' report.json)" 'the stack of each block goes to main'
equal true "$(jq '[.findings[] | select(.leaked) | .fault.stack | any(.[]; .function == "main")] | length > 0 and all' \
    report.json)" 'and so does that of the failed call'
contains words 'nothing points there any more when the program ends'
report leak-fixed
equal 0 "$(jq '[.findings[] | select(.leaked)] | length' report.json)" 'no leak in the twin'

# (What the C library itself forgets to free then is another finding.)
report facility --leaks off
equal 'degraded locale messages, sorting and formats as in the C locale main true' "$(jq -r '[.findings[] |
    .verdict + " " + .attribution.facility + " " + .attribution.effect + " " + .fault.location.function + " " +
    (.silent | tostring)] | unique | join("; ")' report.json)" 'the facility, what is without it, who asked for it'
contains words "libc's locale: messages, sorting and formats as in the C locale"
report facility-fixed --leaks off
equal 0 "$(jq '.findings | length' report.json)" 'none in the twin'
