#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A site whose first two calls are checked may have others that are not: copies try a few of those as well, and
# whole programs confirm what they show.
. "$(dirname "$0")/../lib.sh"

# look PROGRAM: functions with a bug that a later call shows, each with the call
look() {
    rm -f dearth.db*
    record -- "$1" >/dev/null
    replay --mode once --guard off --leaks off
    sql dearth.db "SELECT DISTINCT function || ' ' || occurrence FROM attempt JOIN site ON site.id = site_id
        JOIN location ON location.id = location_id WHERE verdict = 'crashed' AND how = 'rerun' ORDER BY 1" | xargs
}

equal 'new_line 40 new_word 3' "$(look "$PROGRAMS/further-calls")" 'calls that are not checked'
equal 2 "$(sql dearth.db "SELECT count(*) FROM finding WHERE severity = 'bug' AND tried > 1")" 'bugs, repeated'
equal '' "$(look "$PROGRAMS/further-calls-fixed")" 'all are'
