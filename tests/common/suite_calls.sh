#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two calls on one line are two targets, also where one function of the project's is called twice on one; the same
# source in two programs of the suite is one.
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
need cc sqlite3 jq

mkdir -p project/src project/tests
cd project
cat >src/pair.c <<'END'
#include <stdlib.h>
#include <string.h>
static char *block(size_t n) {
    return malloc(n);
}
int pair(void) {
    char *a = malloc(8), *b = malloc(9);
    if (a)
        b[0] = 0; /* the second one is not looked at */
    free(a), free(b);
    return !a;
}
int blocks(void) {
    char *a = block(8), *b = block(9);
    if (a)
        b[0] = 0;
    free(a), free(b);
    return !a;
}
END
for i in 1 2; do
    printf 'int pair(void), blocks(void);\nint main(void) { return pair() || blocks(); }\n' >tests/test_$i.c
    [ $i = 1 ] || echo 'int more(void) { return 1; }' >>tests/test_$i.c
    cc -g -O0 -o test_$i tests/test_$i.c src/pair.c
done
printf '#!/bin/sh\n./test_1 && ./test_2\n' >check.sh
chmod +x check.sh
status 0 "$DEARTH" suite record -o suite.db -- ./check.sh
status 0 "$DEARTH" suite replay suite.db
contains out "4 of 4 tested"
equal "4|4" "$(sql suite.db "SELECT count(*), sum(contexts_tested = 1) FROM target")" "targets, those failed in one of two programs"
equal "2" "$(sql suite.db "SELECT count(DISTINCT location_id) FROM finding WHERE severity = 'bug'")" "flaws"

# other callers of the same places, as far as the time goes, and as many as are asked for
cp suite.db short.db
status 0 "$DEARTH" report -f text suite.db
contains out "Contexts not tried: 4 of 8"
equal "4" "$("$DEARTH" report suite.db | jq '.untested | length')" "contexts that are named"
status 0 "$DEARTH" suite replay --contexts 2 --time-budget 1ms short.db
equal "4|4" "$(sql short.db "SELECT count(*), sum(state = 'tested') FROM target")" "targets when there was no time for more"
status 0 "$DEARTH" suite replay --contexts 2 suite.db
contains err "4 further callers"
equal "4|4" "$(sql suite.db "SELECT count(*), sum(contexts_tested = 2) FROM target")" "targets failed for two callers"
lacks out "Contexts not tried"
status 0 "$DEARTH" suite replay --contexts 0 short.db
equal "4|4" "$(sql short.db "SELECT count(*), sum(contexts_tested = contexts) FROM target")" "targets failed for all callers"
before=$(sql short.db "SELECT count(*) FROM attempt")
status 0 "$DEARTH" suite replay --contexts 0 short.db
equal "$before" "$(sql short.db "SELECT count(*) FROM attempt")" "attempts when there is nothing left"
status 2 "$DEARTH" suite replay --contexts -1 short.db

# what was deleted since the suite ran is said, and what started it stands for it
printf '#!/bin/sh\ncp test_1 short-lived && ./short-lived && rm short-lived\n' >gone.sh
chmod +x gone.sh
status 0 "$DEARTH" suite record -o gone.db -- ./gone.sh
status 0 "$DEARTH" suite replay gone.db
contains out "4 of 4 tested"
contains out "1 program that reaches the project's own code was not to be run by itself: its program is not there any more (./short-lived)"
for word in 'files that earlier programs had made' 'pipes between programs' 'inherited descriptors' 'servers and ports' \
    'what the caller makes' 'other callers of a target'; do
    contains out "$word"
done
