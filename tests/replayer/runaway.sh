#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# How much an attempt may print follows from what the program prints without a fault: an endless message is ended long
# before the time is up, and a program that prints much may print more.
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
need cc

cat >prints.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static char line[1024];
__attribute__((noinline)) int ask(void) {
    char *volatile p = malloc(321);
    free(p);
    return !p;
}
int main(int argc, char **argv) {
    long usual = argc > 1 ? atol(argv[1]) : 1;
    memset(line, 'x', sizeof line - 1);
    int failed = ask();
    for (long i = 0; failed ? ENDLESS || i < usual + 2048 : i < usual; i++)
        puts(line);
    return failed;
}
END
for endless in 0 1; do cc -O0 -g -DENDLESS=$endless -o prints-$endless prints.c; done

# of [1] at [2] KiB: verdict, and how many MiB of output were taken before it was ended
attempt() {
    "$DEARTH" check -q --how rerun --in ask --mode once --repeat 0 --leaks off --guard off --timeout 30s -o "$1-$2.db" -- "./prints-$1" "$2" \
        >/dev/null 2>&1 || true
    sql "$1-$2.db" "SELECT verdict, max(stdout_bytes) / 1048576 FROM attempt WHERE fired_size = 321 GROUP BY verdict"
}
equal "reported|3" "$(attempt 0 1024)" "three MiB where one is usual"
# two looks at where it hangs are taken before it is ended; without a limit of its own it would print the 4 GiB of a trial
mib=$(attempt 1 1)
equal hung "${mib%|*}" "an endless message"
[ "${mib#*|}" -lt 3000 ] || fail "it printed ${mib#*|} MiB"
