#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# An allocation whose failure crashes only now and then is found to be flaky or is repeated with its
# rate; it is never filed as harmless once it was seen to crash.
. "$(dirname "$0")/../lib.sh"

record -- "$PROGRAMS/flaky-fixed" >/dev/null
replay --in new_number --mode once --retest
equal reported "$(site_verdicts dearth.db once new_number)" 'the corrected twin'
equal 0 "$(sql dearth.db 'SELECT count(*) FROM finding')" 'no finding there'

rm -f dearth.db*
record -- "$PROGRAMS/flaky" >/dev/null
for _ in $(seq 12); do
    replay --in new_number --mode once --retest
    if [ "$(site_verdicts dearth.db once new_number)" = crashed+reported ]; then
        "$DEARTH" report -o report.json dearth.db
        verdict=$(jq -r '.sites[] | select(.location.function == "new_number") | .verdict' report.json)
        case $verdict in
        flaky | crashed) ;;
        *) fail "verdict $verdict after seeing both" ;;
        esac
        equal true "$(jq '[.findings[] | select(.fault.location.function == "new_number")]
            | length > 0' report.json)" 'there is a finding'
        exit 0
    fi
done
fail 'twelve replays agreed'
