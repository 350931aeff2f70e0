#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tags: files waits
# What is left in files by a failure that was reported: harm when the next run does not live with it.
. "$(dirname "$0")/../lib.sh"

# look PROGRAM ARGUMENT: what did harm, each once.
look() {
    rm -rf dearth.db* made taken state scratch output journal config* lock word
    printf 'one\ntwo\nthree\nfour\n' >config
    echo 'begun before' >journal
    record -- "$@" >/dev/null
    rm -rf made word
    replay --leaks off --timeout 2s >&2
    sql dearth.db "SELECT DISTINCT json_extract(d.value, '\$.how') || ' ' ||
            replace(json_extract(d.value, '\$.path'), '$work/', '')
        FROM finding f JOIN attempt a ON a.id = f.attempt_id JOIN json_each(a.differs) d
        WHERE f.verdict = 'reported' AND f.severity = 'warning' ORDER BY 1"
}

for how in 'rewrite|empty config' 'half|truncated config' 'gone|removed config' 'exclusive|left_behind scratch' \
    'lock|left_behind lock' 'word|content word' \
    'folder|left_behind taken' 'pipe|left_behind taken'; do
    equal "${how#*|}" "$(look "$PROGRAMS/left" "${how%|*}")" "${how%|*}"
    "$DEARTH" report --format text >out
    contains out "warning: reported: exit status 1, but $work/${how##* }"
    contains out 'the next run '
    equal '' "$(look "$PROGRAMS/left-fixed" "${how%|*}")" "${how%|*}, fixed"
done
"$DEARTH" report --format text >out
contains out 'Findings: nothing'
equal 'one two three four' "$(tr '\n' ' ' <config | sed 's/ $//')" "the user's own file"

for how in output journal aside single; do
    equal '' "$(look "$PROGRAMS/left" "$how")" "no harm: $how"
done
