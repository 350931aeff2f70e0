#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Under resource limits that are too small for it dearth does its job or says why not: never a crash,
# never a failure without a word, nothing of the program's lost. The program has the limits that the user
# gave, and ends as it does alone.
# tags: part
source "${SOURCE:?}/tests/lib.sh"
need cc

cat >p.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
int main(void) {
    struct rlimit stack;
    for (int i = 0; i < 100; i++) {
        char *p = malloc(100), *q = p ? realloc(p, 500) : NULL;
        if (!q) {
            free(p);
            fputs("no memory\n", stderr);
            return 4;
        }
        free(q);
    }
    getrlimit(RLIMIT_STACK, &stack);
    printf("stack %llu\n", (unsigned long long)stack.rlim_cur / 1024);
    return 3;
}
C
cc -g -O1 -o p p.c

# --- a stack that our own frames do not fit into

(ulimit -c 0 && ulimit -s 64 && ./p >plain) && s=0 || s=$?
(ulimit -c 0 && ulimit -s 64 && "$DEARTH" record -q -o small.db -- ./p >seen) && t=0 || t=$?
equal "3|stack 64|3|stack 64" "$s|$(cat plain)|$t|$(cat seen)" 'alone and recorded with 64 KiB of stack'
equal '1|301|main' "$(sql small.db "SELECT exact, events, (SELECT function FROM symbol WHERE function = 'main' LIMIT 1)
    FROM recording")" 'recorded'
printf 'some input\n' >input
# shellcheck disable=SC2002 # a pipe: it is read by a thread
cat input | (ulimit -s 64 && "$DEARTH" record -q -o pipe.db -- cat >seen)
cmp input seen
for limit in 64 128 1024; do
    (ulimit -c 0 && ulimit -s $limit && "$DEARTH" check -q -o "check$limit.db" -- ./p >out 2>err) && s=0 || s=$?
    [ "$s" -le 1 ] || fail "check with $limit KiB of stack: status $s: $(tail -n 3 err)"
    (ulimit -c 0 && ulimit -s $limit && "$DEARTH" view -q -o v.html "check$limit.db" &&
        "$DEARTH" stats "check$limit.db" >out && "$DEARTH" report "check$limit.db" >out)
done
echo 'ok: check, view, stats and report with 64 KiB to 1 MiB of stack'

# --- everything else: whatever happens, it is said

tries=0 failures=0
try() { # OPTION LIMIT COMMAND...
    local option=$1 limit=$2 s
    shift 2
    rm -f r.db* s.db*
    cp small.db s.db
    # what is said goes through a pipe: files may be what is limited
    { (exec 2>&1 >/dev/null && ulimit -c 0 && ulimit "$option" "$limit" && exec "$DEARTH" "$@") || echo "status $?"; } | cat >err
    s=$(sed -n 's/^status //p' err)
    tries=$((tries + 1))
    sed -i '/^status /d' err
    case ${s:-0} in
    0) ;;
    3) [ "$1" = record ] || fail "ulimit $option $limit, $*: status $s" ;;
    1 | 2 | 4 | 125 | 126 | 127)
        failures=$((failures + 1))
        [ -s err ] || fail "ulimit $option $limit, $*: status $s without a word"
        ;;
    *) fail "ulimit $option $limit, $*: status $s: $(tail -n 3 err)" ;;
    esac
}
for limit in 12000 20000 26000 27000 27500 28000 28200 29000 32000 40000; do
    try -v $limit record -q -o r.db -- ./p
    try -v $limit replay -q s.db
    try -v $limit report s.db
    try -v $limit stats s.db
done
for limit in 0 8 64 512; do
    try -f $limit record -q -o r.db -- ./p
    try -f $limit replay -q s.db
    try -f $limit view -q -o v.html s.db
done
# the library's own memory counts for the program: where that meets the limit because of us, it is said
met=0
for limit in $(seq 3200 200 6400); do
    rm -f d.db*
    (ulimit -d "$limit" && exec "$DEARTH" record -o d.db -- ./p) >out 2>err && s=0 || s=$?
    [ "$s" = 4 ] || continue
    contains err "ulimit -d"
    lacks err 'made no call'
    met=$((met + 1))
done
echo "ok: $met limits of data were too small for the program with the library, and said so"
# of descriptors by name: nothing else is wrong here
files() { # COMMAND...: how it went with $limit descriptors
    try -n "$limit" "$@"
    [ ! -s err ] || contains err 'open files'
}
for limit in 5 6 7 9 10 11 13 14 16 19 22 26 30; do
    files record -q -o r.db -- ./p
    files replay -q s.db
    files report s.db
done
try -n 3 report s.db
[ "$failures" -gt 5 ] || fail "only $failures of $tries were too small: the limits are not"
echo "ok: $tries commands under limits, $failures of which could not do their job and said so"
