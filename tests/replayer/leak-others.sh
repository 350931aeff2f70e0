#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A program that runs only because another's allocation failed loses what it always loses: that is nobody's error
# path. What loses a block when its child reports a failure is.
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
need cc sqlite3

cat >asks.c <<'END'
#include <stdlib.h>
char *volatile held;
__attribute__((noinline)) int make_word(void) {
    held = malloc(40);
    if (!held)
        return 1;
    free(held);
    return 0;
}
int main(void) {
    return make_word();
}
END
cat >loses.c <<'END'
#include <stdlib.h>
char *volatile held;
int main(void) {
    for (int i = 0; i < 8; i++) /* a register or stack word may hold one */
        held = malloc(123);
    held = NULL;
    return 0;
}
END
cat >starts.c <<'END'
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
char *volatile held;
__attribute__((noinline)) void ask(void) {
    int status = 0;
    for (int i = 0; i < 8; i++) {
        held = malloc(321);
        if (i < 7)
            free(held);
    }
    if (fork() == 0) {
        execl("./asks", "asks", (char *)NULL);
        _exit(9);
    }
    wait(&status);
    if (status)
        held = NULL; /* forgotten */
    free(held);
}
int main(void) {
    ask();
    for (int i = 0; i < 8; i++) {
        char *volatile other = malloc(50 + i);
        free(other);
    }
    return 0;
}
END
for name in asks loses starts; do cc -g -O0 -o $name $name.c; done
printf '#!/bin/sh\n./asks && exit 0\n./loses\nexit 1\n' >script.sh
chmod +x script.sh

# leaks DATABASE: how many findings say that something was lost
leaks() {
    sql "$1" "SELECT count(*) FROM finding WHERE leaked"
}
status 0 "$DEARTH" check -q --in make_word -o script.db -- ./script.sh
equal 1 "$(sql script.db "SELECT count(*) > 0 FROM attempt WHERE leaked IS NOT NULL AND fired")" "leaks were looked for"
equal 0 "$(leaks script.db)" "leaks of a program that runs after the failure"
status 0 "$DEARTH" check -q --in make_word -o starts.db -- ./starts
equal 1 "$(sql starts.db "SELECT count(*) > 0 FROM finding WHERE leaked")" "leaks of who started it"
