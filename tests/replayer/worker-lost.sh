#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A worker that is killed takes one run with it, be it one without a fault or repro's: it is made again.
# tags: waits
. "$(dirname "$0")/../lib.sh"
need cc

cat >slow.c <<'C'
#include <stdlib.h>
#include <unistd.h>
int main(void) {
    volatile char *p = malloc(100);
    sleep(1);
    p[0] = 1;
    return 0;
}
C
cc -g -o slow slow.c

# robbed WANTED COMMAND...: as status, but dearth's worker is killed when the program runs.
robbed() {
    local wanted=$1 seen=0 dearth
    shift
    "$@" >out 2>err &
    dearth=$!
    while [ -z "$(processes_below "$work")" ] && kill -0 "$dearth" 2>/dev/null; do
        sleep 0.05
    done
    ps -o pid= --ppid "$dearth" | xargs -r kill -KILL 2>/dev/null || :
    wait "$dearth" || seen=$?
    equal "$wanted" "$seen" "status of: $*"
}

record -- ./slow
robbed 0 "$DEARTH" replay -j 1 --how rerun --mode once --leaks off --guard off dearth.db
equal crashed "$(sql dearth.db 'SELECT DISTINCT verdict FROM attempt')" 'all the rest'
robbed 0 "$DEARTH" repro dearth.db 1
contains err 'showed again'
