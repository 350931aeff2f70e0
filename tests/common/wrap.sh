#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `dearth wrap`: whoever starts it sees the program alone; what many of them recorded, at once, is one suite.
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
need cc sqlite3

mkdir -p project/src project/tests
cd project
cp "$SOURCE"/tests/data/words.[ch] src/
cat >tests/main.c <<'END'
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../src/words.h"
int main(int argc, char **argv) {
    char line[100] = "";
    char *copy = words_copy(argv[1]);
    if (!copy)
        return 9;
    fgets(line, sizeof line, stdin);
    fprintf(stderr, "error %s\n", copy);
    printf("%s %s", copy, line);
    fflush(stdout);
    free(copy);
    if (argc > 2 && strcmp(argv[1], "signal") == 0)
        raise(atoi(argv[2]));
    if (argc > 2 && strcmp(argv[1], "length") == 0)
        return words_length(argv[2]) != 4;
    return argc > 2 ? atoi(argv[2]) : 0;
}
END
cc -g -O0 -o program tests/main.c src/words.c

# output, input and status are the program's; a second run of a test takes the place of the first
same() {
    local wanted=0 seen=0
    echo input | "$@" >plain.out 2>plain.err || wanted=$?
    echo input | "$DEARTH" wrap -o "$PWD/d/" --name "$*" -- "$@" >wrap.out 2>wrap.err || seen=$?
    equal "$wanted" "$seen" "status of $*"
    cmp plain.out wrap.out || fail "standard output of $*"
    cmp plain.err wrap.err || fail "standard error of $*: $(cat wrap.err)"
}
same ./program one
same ./program two 3
same ./program one
same ./program signal 15
same ./program length four
equal 1 "$(find d -maxdepth 0 -perm 700 | wc -l)" "the folder is private"
# a signal that ended it ends the wrapper as well: not its number as a status
"$DEARTH" wrap -o d/ -- ./program signal 15 </dev/null >/dev/null 2>&1 &
seen=0
wait $! 2>/dev/null || seen=$?
equal 143 "$seen" "by SIGTERM"
equal "-15" "$(python3 -c 'import subprocess, sys; print(subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, capture_output=True).returncode)' "$DEARTH" wrap -o d/ -- ./program signal 15)" "by a signal, as its parent learns"

# many at once; a rank has its own name
for i in 1 2 3 4 5 6; do
    "$DEARTH" wrap -o d/ --name "many $i" -- ./program "many$i" </dev/null >/dev/null 2>&1 &
done
for i in 0 1; do
    OMPI_COMM_WORLD_RANK=$i "$DEARTH" wrap -o d/ --name rank -- ./program rank </dev/null >/dev/null 2>&1
done
wait
[ -f d/many_6.db ] || fail "no file that has the test's name: $(ls d)"

# a name that its environment has is found once
BATS_TEST_NAME=test_by_-28bats-29 BATS_TEST_FILENAME=/x/words.bats "$DEARTH" wrap -o d/ -- ./program bats </dev/null >/dev/null 2>&1
[ -f "d/words.bats__by__bats_.db" ] || fail "no file of bats: $(ls d)"

# what cannot be recorded runs all the same; why is in a file, not in the program's output
same "$PROGRAMS/hello-static"
grep -q "linked statically" d/*hello-static*.log || fail "no reason: $(ls d)"
status 127 "$DEARTH" wrap -o d/ -- ./no-such-program
contains err "no-such-program"
status 125 "$DEARTH" wrap -- ./program one
contains err "-o says it"
status 125 "$DEARTH" wrap -o d/
status 0 "$DEARTH" wrap -v -o "$PWD/verbose.db" -- ./program one
contains err "recording 1 is in"

# all of them are one suite: units, targets, names, gate
status 0 "$DEARTH" suite list d/
equal 14 "$(sql d/joined.db "SELECT count(*) FROM test")" "tests: the newest of each"
contains out "test many 3"
contains out "test rank [1]"
contains out "test words.bats: by (bats)"
status 0 "$DEARTH" suite replay d/
contains out "2 of 2 tested"
status 1 "$DEARTH" report --gate -f text --by test d/
contains err "1 finding of severity bug"
equal "2 2 1" "$(awk '/^By test/ { on = 1 } on && /length four$/ { print $1, $2, $3 }' out)" "the test that found it"
before=$(sql d/joined.db "SELECT count(*) FROM attempt")
# one more: what was failed before is not failed again
"$DEARTH" wrap -o d/ --name late -- ./program late </dev/null >/dev/null 2>&1
status 0 "$DEARTH" suite replay d/
contains out "2 of 2 tested"
equal "$before" "$(sql d/joined.db "SELECT count(*) FROM attempt")" "attempts after one more program"
equal 15 "$(sql d/joined.db "SELECT count(*) FROM test WHERE recording_id = (SELECT max(recording_id) FROM test)")" "tests with one more"
# into one file, too
for i in 1 2 3; do
    "$DEARTH" wrap -o one.db --name "$i" -- ./program "$i" </dev/null >/dev/null 2>&1 &
done
wait
status 0 "$DEARTH" suite replay one.db
equal "1,2,3" "$(sql one.db "SELECT group_concat(name) FROM (SELECT name FROM test ORDER BY name)")" "tests in one file"
equal ok "$(sql one.db 'PRAGMA integrity_check; PRAGMA foreign_key_check')" "it is sound"

# one limit for all of them; who is started by one that has a place does not wait for that
cat >alone.sh <<'END'
mkdir busy || echo "$1" >>together
sleep 0.2
rmdir busy
[ -z "$2" ] || exec "$2" wrap -j 1 -o "$3" --name inner -- ./program inner
END
for i in 1 2 3 4; do
    "$DEARTH" wrap --jobs 1 -o "$PWD/few/" --name "alone $i" -- sh alone.sh "$i" </dev/null >/dev/null 2>&1 &
done
wait
[ ! -e together ] || fail "programs at the same time: $(cat together)"
equal 4 "$(find few -name 'alone*.db' | wc -l)" "programs that were recorded"
"$DEARTH" wrap --jobs 1 -o "$PWD/few/" --name outer -- sh alone.sh 5 "$DEARTH" "$PWD/few/" </dev/null >/dev/null 2>&1
equal 1 "$(find few -name 'outer*.db' | wc -l)" "one that wraps another"
status 125 "$DEARTH" wrap --jobs -1 -o few/ -- true
