#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A program of a suite that by itself does not end as it did there is refused after two runs: one that is traced, and one
# that is not. What it reaches is failed in the program that started it.
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
need cc sqlite3

mkdir -p project/.git
cd project
cat >needs.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static int place(int n) {
    void *p = malloc(n);
    int bad = !p;
    free(p);
    return bad;
}
int main(void) {
    int bad = place(10);
    if (access("made", F_OK) == 0)
        return bad;
    FILE *runs = fopen("alone", "a");
    if (runs) {
        fputs("run\n", runs);
        fclose(runs);
    }
    return 3;
}
END
cc -g -O0 -o needs needs.c
printf '#!/bin/sh\n: >made\n./needs\nstatus=$?\nrm made\nexit $status\n' >check.sh
chmod +x check.sh
status 0 "$DEARTH" suite record -q -o suite.db -- ./check.sh
[ ! -e alone ] || fail "it was run alone already"
# attempts share the folder, so that runs can be counted
status 0 "$DEARTH" suite replay --own place --isolation shared --how rerun --leaks off --guard off -j 1 suite.db
equal 2 "$(grep -c run alone)" "runs of a program that is refused"
contains out "by itself it does not end with status 0, as in the suite"
equal "reported|check.sh" "$(sql suite.db "SELECT DISTINCT verdict, replace(json_extract(c.argv, '\$[1]'), './', '') FROM
    attempt a JOIN replay r ON r.id = a.replay_id JOIN recording c ON c.id = r.recording_id")" "where it was failed"
