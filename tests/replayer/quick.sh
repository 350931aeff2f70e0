#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# --quick: a copy that goes on is ended 100 allocating calls after its failure. What goes wrong before that is found
# as ever; what was not seen to its end is not tested, in no report and no gate, until something has seen it.
. "$(dirname "$0")/../lib.sh"

# check STATUS WHAT N [OPTIONS]: of goes-on, into dearth.db and report.json.
check() {
    local wanted=$1 what=$2 n=$3
    shift 3
    rm -f dearth.db*
    status "$wanted" "$DEARTH" check -o dearth.db --report report.json --leaks off --guard off --mode once "$@" -- \
        "$PROGRAMS/goes-on" "$what" "$n"
}
# summary KEYS: of report.json's summary.
summary() {
    python3 -c 'import json; s = json.load(open("report.json"))["summary"]; print('"$1"')'
}
quick='s["quick"]["faults"], s["quick"]["open"], s["quick"]["sites"], s["quick"]["whole"], s["quick"]["otherwise"]'

# --- nothing is wrong ---

check 0 good 300
equal '31 31 1' "$(summary 's["sites"]["tested"], s["sites"]["testable"], s["coverage"]')" 'without it all is tested'
equal False "$(summary '"quick" in s')" 'and no word of it'

check 0 good 300 --quick
contains err 'gate passed (quick)'
contains err '26 faults at 26 sites were ended early, 100 allocating calls after the failure'
contains err 'of 5 that had come so far and were run to their ends as well, 0 did not end in order'
contains out 'quick: 26 faults'
equal '31 26 26 5 0' "$(summary "$quick")" 'ended early; a sample was not'
equal '5 31 26' "$(summary 's["sites"]["tested"], s["sites"]["testable"], s["sites"]["untested"]')" 'coverage has what was seen to its end'
equal 26 "$(python3 -c 'import json; print(sum(u["reason"] == "ended_early" for u in json.load(open("report.json"))["untested"]))')" 'the rest is untested, and why'
equal 5 "$(sql dearth.db 'SELECT count(*) FROM attempt')" 'survivors are no attempts'
"$DEARTH" report -f markdown dearth.db >report.md 2>/dev/null
contains report.md '**Quick**: 26 faults'
"$DEARTH" view -o page.html dearth.db 2>/dev/null
python3 "$SOURCE/tests/viewer/page_values.py" page.html >page.json
equal True "$(python3 -c 'import json; print(json.load(open("page.json"))["quick"].startswith("26 faults at 26 sites were ended early"))')" 'the page says it'
status 1 "$DEARTH" report --gate --min-coverage 50 dearth.db

# What is joined says the same; a program's own count does not change it.
"$DEARTH" merge all.db dearth.db >/dev/null 2>&1
"$DEARTH" report all.db >report.json 2>/dev/null
equal '31 26 26 5 0' "$(summary "$quick")" 'merged'

# Another quick replay has nothing to do, one without it does what is left.
replay --quick --mode once --leaks off --guard off
contains err 'nothing to try'
contains err 'tested 5 of 31 testable sites (16.1 %); not tested: 26, of these 26 ended early'
replay --mode once --leaks off --guard off
contains err 'tested 31 of 31'
lacks err 'ended early'
"$DEARTH" report dearth.db --gate >report.json 2>err
contains err 'gate passed'
lacks err quick
equal '31 1' "$(summary 's["sites"]["tested"], s["coverage"]')" 'then all is tested'

# --- how far a copy goes ---

calls='SELECT count(*) FROM survivor JOIN site ON site.id = site_id JOIN location ON location.id = location_id
    WHERE function = '
check 0 good 100 --quick # the last place makes 100 further calls
equal 0 "$(sql dearth.db "$calls'place_29'")" 'a hundred further calls are made'
equal 1 "$(sql dearth.db "$calls'place_28'")" 'the one after is not'
check 0 good 10 --quick
contains err 'quick: no copy was ended early, 100 allocating calls after its failure'
equal '31 0' "$(summary 's["sites"]["tested"], s["quick"]["open"]')" 'nothing was cut short'

# --- something is ---

check 1 early 300 --quick
contains err 'crashed'
equal crashed "$(site_verdicts dearth.db once place_0)" 'what goes wrong at once is found'
check 1 late 300
equal 30 "$(sql dearth.db "SELECT count(DISTINCT site_id) FROM attempt WHERE verdict = 'crashed'")" 'late, without it'
check 1 late 300 --quick
contains err 'gate FAILED (quick)'
equal '31 26 26 5' "$(summary "$quick" | cut -d' ' -f1-4)" 'late, with it'

equal True "$(summary 's["quick"]["otherwise"] >= 4')" 'the sample tells of it'
contains err 'did not end in order'
equal rerun "$(sql dearth.db "SELECT DISTINCT how FROM attempt WHERE verdict = 'crashed'")" 'found by whole runs'

# --- both modes: what one has shown is no word about the other ---

rm -f dearth.db*
status 0 "$DEARTH" check -o dearth.db --report report.json --leaks off --guard off --quick -- "$PROGRAMS/goes-on" good 300
equal True "$(summary 's["sites"]["tested"] < 31 and s["quick"]["open"] > 26')" 'an open fault leaves its site untested'

# --- what lasts: another scope's runs are others ---

rm -f dearth.db*
status 0 "$DEARTH" record -o dearth.db -- "$PROGRAMS/goes-on" good 300
replay --quick --mode sticky --in 'place_*' --leaks off --guard off
equal 1 "$(sql dearth.db 'SELECT count(*) >= 20 AND count(scope) = count(*) FROM survivor')" 'they are kept with their scope'
replay --quick --mode sticky --in 'place_*' --leaks off --guard off
contains err 'nothing to try'
replay --mode sticky --leaks off --guard off
contains err '31 faults at 31 sites to try'
"$DEARTH" report dearth.db >report.json 2>/dev/null
equal True "$(summary 's["quick"]["open"] >= 20')" 'seen to the end without a scope: not with one'

# A burst is over soon, and what comes then is counted as well.
rm -f dearth.db*
status 0 "$DEARTH" record -o dearth.db -- "$PROGRAMS/goes-on" good 300
replay --quick --burst 2 --in 'place_*' --leaks off --guard off
equal 1 "$(sql dearth.db "SELECT count(*) >= 20 AND count(scope) = count(*) FROM survivor WHERE mode = 'burst'")" \
    'copies in which a burst is over are ended, too'

# --- without copies it would be a word ---

status 2 "$DEARTH" replay --quick --how rerun dearth.db
contains err '--quick ends copies early'
status 2 "$DEARTH" check --quick --under valgrind -- true
status 2 "$DEARTH" replay --quick --probability 0.1 dearth.db
status 2 "$DEARTH" replay --quick --depth 2 --mode once dearth.db
