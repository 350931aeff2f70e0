#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A suite runs one executable again and again, which has a second thread whenever it allocates: no copy of it can be made.
# That is found out twice, and then no more copies are tried; what is seen is the same.
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
need cc sqlite3

mkdir -p project/.git
cd project
cat >words.c <<'END'
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
static int ready[2];
static void *wait_for_it(void *unused) {
    char c;
    (void)!read(ready[0], &c, 1);
    return unused;
}
#define PLACE(n) \
    static void *f##n(void) { return malloc(n); } \
    static void *g##n(void) { return malloc(n + 10); } \
    static int both##n(void) { void *a = f##n(), *b = g##n(); int bad = !a || !b; free(a), free(b); return bad; }
PLACE(1) PLACE(2) PLACE(3) PLACE(4)
int main(int argc, char **argv) {
    int (*const parts[])(void) = {both1, both2, both3, both4};
    pthread_t thread;
    if (argc < 2 || pipe(ready) || pthread_create(&thread, NULL, wait_for_it, NULL))
        return 9;
    int bad = parts[atoi(argv[1])]();
    (void)!write(ready[1], "", 1);
    pthread_join(thread, NULL);
    return bad;
}
END
cc -g -O0 -pthread -o words words.c
printf '#!/bin/sh\nfor i in 0 1 2 3; do ./words $i || exit 1; done\n' >check.sh
chmod +x check.sh
status 0 "$DEARTH" suite record -q -o suite.db -- ./check.sh
status 0 "$DEARTH" suite replay --mode both -q --own 'f[0-9]' --own 'g[0-9]' suite.db
equal "reported|8|8" "$(sql suite.db "SELECT verdict, count(DISTINCT site_id), count(DISTINCT CASE WHEN mode = 'sticky' THEN
    site_id END) FROM attempt GROUP BY 1")" "verdicts"
equal "threads|2
threads_alike|2" "$(sql suite.db "SELECT reason, count(DISTINCT replay_id) FROM refused GROUP BY 1")" "why there are no copies, and in how many programs"
"$DEARTH" report -f text suite.db >text
contains text "another thread was alive at every call of other runs"
# Whole runs, too, show the lasting failure where nothing comes after the first: g's, in whatever order they were planned.
equal "g|1" "$(sql suite.db "SELECT substr(l.function, 1, 1), min(a.inferred) FROM attempt a JOIN site s ON s.id = a.site_id
    JOIN location l ON l.id = s.location_id JOIN refused x ON x.replay_id = a.replay_id AND x.site_id = a.site_id
    WHERE a.mode = 'sticky' AND x.reason = 'threads_alike' AND l.function LIKE 'g%' GROUP BY 1")" "where nothing comes after it"
