#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two calls on one line are two targets, also where one function of the project's is called twice on one; the same
# source in two programs of the suite is one.
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
need cc sqlite3

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
