#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What do a suite of many programs and many machines cost dearth itself? A generated one.
#
#   tests/bench/suite.sh [-u UNITS] [-s SHARDS] [-j JOBS] [-k FOLDER] DEARTH >table.md
#
# UNITS (2,000) runs of 40 programs, in a git work tree. Each goes ten ways of 2,028 through the project's own code, one of
# which is its own, and asks for memory five times at the end of each. The suite is recorded, divided among SHARDS
# (100), replayed in parts, JOBS (2) at a time, as so many machines would, and merged: plan, the slowest part's look at
# what is to be done ('suite list'), merge and report are measured: seconds, those of a processor, and the most memory, of
# one run each.
# With -k everything stays in FOLDER; what is there already is not made again. No test: nothing fails when it is slow.
# Markdown on standard output, progress on standard error.
set -eu -o pipefail
units=2000 shards=100 jobs=2 keep=''
while getopts u:s:j:k: option; do
    case $option in
    u) units=$OPTARG ;;
    s) shards=$OPTARG ;;
    j) jobs=$OPTARG ;;
    k) keep=$OPTARG ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
dearth=$(readlink -f "${1:?the dearth to measure}")
export LC_ALL=C.UTF-8
unset LD_PRELOAD DEARTH_ARENA

if [ "$keep" ]; then
    mkdir -p "$keep"
    work=$(readlink -f "$keep")
else
    work=$(mktemp -d "${TMPDIR:-/var/tmp}/dearth-bench.XXXXXXXX")
    trap 'rm -rf "$work"' EXIT
fi
mkdir -p "$work/project/.git" "$work/project/src" "$work/project/tests"
cd "$work/project"

say() {
    echo "$(date +%T) $*" >&2
}

make_programs() {
    {
        echo '#include <stdlib.h>'
        echo 'static void leaf(void) {'
        for i in 1 2 3 4 5; do echo "    void *p$i = malloc($i);"; done
        for i in 1 2 3 4 5; do echo "    free(p$i);"; done
        echo '}'
        for i in $(seq 0 11); do echo "static void c$i(void) { leaf(); }"; done
        echo 'static void (*const c[])(void) = {c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11};'
        for i in $(seq 0 12); do echo "static void b$i(int n) { c[n % 12](); }"; done
        echo 'static void (*const b[])(int) = {b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12};'
        for i in $(seq 0 12); do echo "static void a$i(int n) { b[n % 13](n / 13); }"; done
        echo 'static void (*const a[])(int) = {a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12};'
        echo 'void way(int n) { a[n % 13](n / 13); }'
    } >src/way.c
    cc -g -O0 -c -o src/way.o src/way.c
    for i in $(seq 0 39); do
        cat >"tests/test_$i.c" <<END
#include <stdlib.h>
void way(int n);
int number = $i;
int main(int argc, char **argv) {
    int n = argc > 1 ? atoi(argv[1]) : 0;
    for (int k = 0; k < 10; k++)
        way((n + k * (k + 1) * 97) % 2028);
    return 0;
}
END
        cc -g -O0 -o "test_$i" "tests/test_$i.c" src/way.o
    done
    cat >check.sh <<END
#!/bin/sh
i=0
while [ \$i -lt $units ]; do
    ./test_\$((i % 40)) \$i || exit 1
    i=\$((i + 1))
done
END
    chmod +x check.sh
}

# measure NAME COMMAND...: a row of the table
measure() {
    local name=$1
    shift
    say "$name"
    /usr/bin/env python3 - "$name" "$@" <<'END'
import os
import subprocess
import sys
import time

start = time.monotonic()
process = subprocess.Popen(sys.argv[2:], stdout=subprocess.DEVNULL, stderr=open("../errors", "wb"))
_, status, usage = os.wait4(process.pid, 0)
print(f"| {sys.argv[1]} | {time.monotonic() - start:.2f} s | {usage.ru_utime + usage.ru_stime:.2f} s | {usage.ru_maxrss / 1024:.0f} MiB | {os.waitstatus_to_exitcode(status)} |", flush=True)
END
}

[ -e check.sh ] || make_programs
if [ ! -e ../suite.db ]; then
    say "recording $units programs"
    rm -f ../new.db
    "$dearth" suite record -q -o ../new.db -- ./check.sh
    mv ../new.db ../suite.db
fi
echo '| what | time | processor | memory | status |'
echo '| --- | ---: | ---: | ---: | ---: |'
measure 'list' "$dearth" suite list ../suite.db
measure "plan --shards $shards" "$dearth" suite plan --shards "$shards" ../suite.db
part() {
    [ ! -e "../shard$1.db" ] || return 0
    cp ../suite.db "../part$1.db"
    "$dearth" suite replay -q --jobs 1 --leaks off --shard "$1/$shards" "../part$1.db" >"../part$1.out" 2>&1 || return 1
    mv "../part$1.db" "../shard$1.db"
    echo "$(date +%T) shard $1" >&2
}
export -f part
export dearth shards
say "replaying $shards parts"
seq "$shards" | xargs -P "$jobs" -I N bash -euc 'part N'
rm -f ../all.db ../all.db-*
inputs=()
for i in $(seq "$shards"); do inputs+=("../shard$i.db"); done
measure "merge of $shards shards" "$dearth" merge ../all.db "${inputs[@]}"
for format in text json junit sarif; do
    measure "report -f $format" "$dearth" report -f $format ../all.db
done
measure 'report --gate' "$dearth" report --gate -f text --brief ../all.db
measure 'view' "$dearth" view -o ../page.html ../all.db
echo
echo "$units programs, $shards shards, $("$dearth" sql -f csv ../all.db 'SELECT count(*) FROM target' | tail -n 1) targets," \
    "$("$dearth" sql -f csv ../all.db 'SELECT count(*) FROM attempt' | tail -n 1) attempts," \
    "$(($(stat -c %s ../suite.db) >> 20)) MiB recorded, $(($(stat -c %s ../all.db) >> 20)) MiB merged"
