#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A wrong answer is blamed on who went on, not on who asked for memory and told that there is none; who had returned
# by then is named as well.
. "$(dirname "$0")/../lib.sh"
need jq

for how in rerun snapshot; do
    record -o "$how.db" -- "$PROGRAMS/ignores" >/dev/null
    status 0 "$DEARTH" replay --how "$how" --leaks off --guard off --mode once "$how.db"
    "$DEARTH" report -o report.json "$how.db"
    equal "$PROGRAMS/ignores program" "$(jq -r '.findings[] | .attribution | .module + " " + .kind' report.json)" \
        "the module, by $how"
    equal 'degraded|ignores!show' "$(jq -r '.findings[].place' report.json)" 'the place'
    equal 'degraded|libasked!get' "$(jq -r '.findings[].identity' report.json)" 'the identity stays'
    equal show "$(jq -r '[.findings[].went_on[].function | select(. == "show" or . == "get" or . == "ask_for")] | join(" ")' \
        report.json)" 'who was at work'
    "$DEARTH" report -f text "$how.db" >shown
    contains shown 'went on in  show ('
    contains shown 'it or one of these ignored it, who had returned: ask_for ('
    "$DEARTH" report -f json --gate --baseline report.json --fail-on warning -o again.json "$how.db" || fail 'it is known'
done
# Not looked at: then it is who asked, and nothing is claimed.
record -o bare.db -- "$PROGRAMS/ignores" >/dev/null
status 0 "$DEARTH" replay --no-trace --leaks off --guard off --mode once bare.db
"$DEARTH" report -f text bare.db >shown
lacks shown 'went on in'

# Several of one module have returned: the place that asked tells one defect from the next.
record -o parts.db -- "$PROGRAMS/renders" >/dev/null
status 0 "$DEARTH" replay --leaks off --guard off --mode once parts.db
"$DEARTH" report -o parts.json parts.db
equal 'degraded|renders!body degraded|renders!head' "$(jq -r '[.findings[].place] | sort | join(" ")' parts.json)" 'two places'
equal 2 "$(jq '[.findings[] | select(.went_on)] | length' parts.json)" 'of which is known who went on'
