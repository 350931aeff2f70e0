#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Attempts whose output is doubted share the run without a fault that they are compared with: one for each round of
# their executions, not one for each of them.
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
need cc

cat >answers.c <<'END'
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#define ASK(n)                                                                           \
    __attribute__((noinline)) int ask_##n(void) {                                        \
        char *volatile p = malloc(100 + n);                                              \
        free(p);                                                                         \
        return p ? n : -1;                                                               \
    }
ASK(1) ASK(2) ASK(3) ASK(4) ASK(5) ASK(6) ASK(7) ASK(8)
int main(void) {
    int log = open("log", O_WRONLY | O_APPEND | O_CREAT, 0600); /* every run is counted */
    if (log < 0 || write(log, "x", 1) != 1)
        return 9;
    close(log);
    printf("%d %d %d %d %d %d %d %d\n", ask_1(), ask_2(), ask_3(), ask_4(), ask_5(), ask_6(), ask_7(), ask_8());
    return 0;
}
END
cc -O0 -g -o answers answers.c
status 0 "$DEARTH" record -q -o a.db -- ./answers
rm log
status 0 "$DEARTH" replay -q --how rerun --isolation shared --in 'ask_*' --mode once --leaks off --guard off -j 2 \
    --no-trace a.db
attempts=$(sql a.db "SELECT count(*) FROM attempt WHERE verdict = 'degraded'")
equal 24 "$attempts" "wrong answers"
runs=$(wc -c <log)
# three runs first, three rounds; a machine that is busy for seconds may make it some more
controls=$((runs - attempts - 3))
if [ "$controls" -lt 1 ] || [ "$controls" -gt 5 ]; then fail "$controls controls"; fi
echo "ok: $controls controls"
