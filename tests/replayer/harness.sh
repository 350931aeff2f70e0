#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a test harness asks for itself is not failed, and is no part of the coverage, unless it is named; what a test
# asks for is, though the harness called the test.
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
need cc sqlite3 jq

cat >runs.c <<'END'
#include <stdlib.h>
char *volatile held;
__attribute__((noinline)) void *pass(size_t n) {
    void *p = malloc(n); /* passes it on, whoever asks */
    return p;
}
__attribute__((noinline)) int words_test(void) {
    held = pass(10);
    int bad = !held;
    free(held);
    return bad;
}
__attribute__((noinline)) int mine_run(int (*test)(void)) {
    char *list = pass(20); /* crashes without */
    list[0] = 1;
    int bad = test();
    free(list);
    return bad;
}
int main(void) {
    char *own = malloc(30);
    int bad = !own || mine_run(words_test);
    free(own);
    return bad;
}
END
cc -g -O0 -o runs runs.c
printf '[allocator]\nfunction pass\n\n[harness Mine]\nfunction mine_*\n' >mine
tested() { sql "$1" "SELECT group_concat(max_size) FROM (SELECT DISTINCT t.max_size FROM attempt a JOIN site_stat t ON t.site_id = a.site_id WHERE a.fired ORDER BY 1)"; }

status 0 "$DEARTH" check --catalogue mine -o apart.db -- ./runs
equal "10,30" "$(tested apart.db)" "what was failed"
contains out "2 of 2 tested, 1 more"
contains err "1 site is what a test harness asks for itself (Mine)"
status 0 "$DEARTH" report -o report.json apart.db
equal '["harness"]' "$(jq -c '[.sites[] | .excluded_by | select(.)]' report.json)" "why"
equal '{"total":3,"testable":2,"tested":2,"untested":0,"excluded":1}' "$(jq -c '.summary.sites | {total, testable, tested, untested, excluded}' report.json)" "coverage"
status 0 "$DEARTH" report --gate --min-coverage 100 apart.db

# named, by whichever of its names; by its key, in a later replay
status 1 "$DEARTH" check --catalogue mine --in 'mine_*' -o asked.db -- ./runs
equal 1 "$(sql asked.db "SELECT count(*) FROM finding WHERE verdict = 'crashed'")" "its crash is found"
key=$(jq -r '.sites[] | select(.excluded_by) | .key' report.json)
status 0 "$DEARTH" replay --site "$key" apart.db
equal "10,20,30" "$(tested apart.db)" "what was failed at last"
# not its own: who is on its stack further out
status 0 "$DEARTH" check --catalogue mine --in main -o main.db -- ./runs
equal "10,30" "$(tested main.db)" "below main()"

# a real one
if printf '#include <gtest/gtest.h>\nTEST(A, B) { char *p = (char *)malloc(77); EXPECT_TRUE(p); free(p); }\n' >g.cc && c++ -g -O0 -o g g.cc -lgtest -lgtest_main -pthread 2>cc.err; then
    status 0 "$DEARTH" check -o g.db -- ./g
    contains err "(GoogleTest)"
    equal 1 "$(sql g.db "SELECT count(*) FROM site_stat t JOIN attempt a ON a.site_id = t.site_id WHERE a.fired AND t.max_size = 77 LIMIT 1" | sed 's/[1-9][0-9]*/1/')" "the test's own call was failed"
    equal 0 "$(sql g.db "SELECT count(DISTINCT a.site_id) FROM attempt a JOIN site s ON s.id = a.site_id JOIN location l ON l.id = s.location_id JOIN symbol y ON y.function GLOB 'testing::internal::MakeAndRegisterTestInfo*' JOIN stack k ON k.id = s.stack_id JOIN stack k2 ON k2.id = k.parent_id WHERE a.fired AND (k.frame_id = y.frame_id OR k2.frame_id = y.frame_id)")" "what registers tests"
fi
