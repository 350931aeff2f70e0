#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Production asks, CI answers: what another database's runs came to and this one's attempts never failed, by how often and
# how large; the same site by its key, in another build by its names, which is said. A plan begins with what is asked for.
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
need cc jq

cat >demand.c <<'END'
#include <stdlib.h>
#include <string.h>
static void *opaque(void *p) { __asm__ volatile("" : "+r"(p)); return p; }
__attribute__((noinline)) void often(size_t n) { free(opaque(malloc(n))); }
__attribute__((noinline)) void rare(size_t n) { free(opaque(malloc(n))); }
__attribute__((noinline)) void huge(size_t n) { free(opaque(malloc(n))); }
#ifdef REBUILT
__attribute__((noinline)) void more(size_t n) { free(opaque(malloc(n))); }
#endif
int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    for (size_t i = 0; strchr(what, 'o') && i < 20; i++)
        often(100 + i);
    if (strchr(what, 'r'))
        rare(7);
    if (strchr(what, 'h'))
        huge(5000);
    if (strchr(what, 'R'))
        rare(9);
#ifdef REBUILT
    if (strchr(what, 'm'))
        more(1);
#endif
    return 0;
}
END
cc -g -O1 -o demand demand.c
cc -g -O1 -DREBUILT -o rebuilt demand.c
status 0 "$DEARTH" check -o ci.db --in 'r[a]re' -- ./demand rh
status 0 "$DEARTH" record -o production.db -- ./demand orh
status 0 "$DEARTH" record -o rebuilt.db -- ./rebuilt orhm
cp production.db before.db

# By key: what was never failed, the most called first, then the largest.
status 0 "$DEARTH" report ci.db --demand production.db
cp out exact.json
answers() {
    jq -r '.sites[] | "\(.location | sub(".*[(]"; "") | sub("[)].*"; "")) \(.calls) \(.largest) \(.answer) \(.match) \(.confidence)"' "$1"
}
equal 'often 20 119 not_recorded none 0
huge 1 5000 never_failed key 100
rare 1 7 failed key 100' "$(answers exact.json)" 'by key'
equal '3 1 22 1' "$(jq -r '"\(.sites_total) \(.sites_failed) \(.calls) \(.calls_failed)"' exact.json)" 'sums'
# Another call of the same names, in the same build, is another site.
status 0 "$DEARTH" record -o same.db -- ./demand R
status 0 "$DEARTH" report ci.db --demand same.db
equal 'rare 1 9 not_recorded none 0' "$(answers out)" 'another call of the same build'
# By names.
status 0 "$DEARTH" report ci.db --demand rebuilt.db
equal 'often 20 119 not_recorded none
huge 1 5000 never_failed portable_key
more 1 1 not_recorded none
rare 1 7 failed portable_key' "$(answers out | sed 's/ [0-9]*$//')" 'by names'
equal true "$(jq '[.sites[] | select(.match == "portable_key") | .confidence > 50] | all' out)" 'confidence'
for python in python3 /usr/bin/python3; do
    "$python" -c 'import jsonschema' 2>/dev/null || continue
    for file in exact.json out; do
        "$python" -c 'import json, jsonschema, sys; jsonschema.validate(json.load(open(sys.argv[2])), json.load(open(sys.argv[1])))' \
            "$SOURCE/schemas/demand.schema.json" $file
    done
    break
done
status 0 "$DEARTH" report --format text ci.db --demand production.db
contains out '3, of which 1 were failed: 1 by key, 0 by names'
contains out 'Never failed: 2 sites'
cmp production.db before.db || fail 'the other database was changed'

# What is asked for goes first: without, the largest.
first() {
    sql "$1" "SELECT l.function FROM attempt a JOIN site s ON s.id = a.site_id JOIN location l ON l.id = s.location_id ORDER BY a.id LIMIT 1"
}
status 0 "$DEARTH" record -o plain.db -- ./demand orh
cp plain.db asked.db
status 0 "$DEARTH" replay --mode once --how rerun --limit 1 plain.db
equal huge "$(first plain.db)" 'first, by size'
status 0 "$DEARTH" replay --mode once --how rerun --limit 1 --demand rebuilt.db asked.db
equal often "$(first asked.db)" 'first, by demand'
status 0 "$DEARTH" check -o check.db --mode once --how rerun --limit 1 --demand production.db -- ./demand orh
equal often "$(first check.db)" 'first in a check'

# In a suite, programs as well.
printf './demand r\n./demand o\n./demand h\n' >suite.sh
status 0 "$DEARTH" suite record -o suite.db -- sh suite.sh
cp suite.db asked-suite.db
status 0 "$DEARTH" suite replay --own '*demand.c' --mode once suite.db
status 0 "$DEARTH" suite replay --own '*demand.c' --mode once --demand production.db asked-suite.db
equal often "$(first asked-suite.db)" 'first in a suite'
equal 3 "$(sql asked-suite.db "SELECT sum(state = 'tested') FROM target")" 'targets'

# What cannot be.
status 2 "$DEARTH" report ci.db --demand no.db
status 2 "$DEARTH" report ci.db --demand production.db --gate
contains err --demand
status 2 "$DEARTH" report ci.db --demand production.db --format sarif
status 2 "$DEARTH" replay --demand no.db plain.db
status 0 "$DEARTH" record -o other.db -- "$PROGRAMS/hello"
status 0 "$DEARTH" replay --mode once --demand other.db --limit 2 plain.db
