#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A verdict stands for a later recording while the builds on its stack and the program are the same: a second check of what
# has not changed tries nothing, one after a change only what that touched; what is taken over is said.
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
need cc

cat >prog.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
char *lib_copy(const char *s);
char *other_copy(const char *s);
__attribute__((noinline)) static char *own_copy(const char *s) { char *p = malloc(strlen(s) + 1); return p ? strcpy(p, s) : p; }
int main(int argc, char **argv) {
    FILE *file = argc > 1 ? fopen(argv[1], "r") : NULL;
    char *a = own_copy("own"), *b = lib_copy("lib"), *c = other_copy("other");
    int failed = getenv("FLAW") && b[0] != 'l';
    failed |= !a || !b || !c || (getenv("STRICT") && argc < 1);
    if (file)
        fclose(file);
    free(a);
    free(b);
    free(c);
    return failed;
}
END
library() { # NAME TEXT
    printf '#include <stdlib.h>\n#include <string.h>\nchar *%s_copy(const char *s) { char *p = malloc(strlen(s) + 1); %s return p ? strcpy(p, s) : p; }\n' "$1" "$2" >"$1.c"
    cc -g -O1 -fPIC -shared -o "lib$1.so" "$1.c"
}
library lib ''
library other ''
cc -g -O1 -o prog prog.c -L. -llib -lother -Wl,-rpath,"$work"
echo one >input
attempts() {
    sql "$1" 'SELECT count(*) FROM attempt'
}

# dearth check: nothing is tried again, and the verdict of all of it is the same.
export STRICT=1
check() {
    status "$1" "$DEARTH" check -o check.db --mode once "${@:2}" -- ./prog input
}
check 0
first=$(attempts check.db)
"$DEARTH" report --format text check.db >report
lacks report 'not tried again'
MAKELEVEL=3 check 0
equal "$first" "$(attempts check.db)" 'attempts after a second check'
contains err 'sites are not tried again: verdicts of recording 1 '
contains err 'nothing to try'
"$DEARTH" report --format text check.db >report
contains report 'not tried again: verdicts of recording 1 '
contains report '100.0 %'
check 0 --fresh
equal 1 "$(($(attempts check.db) > first))" '--fresh tries again'
lacks err 'not tried again'

# Not when anything is another: the environment, what an argument's file holds, the arguments, what is judged by.
tried() { # WHAT COMMAND...: it tries something again
    local before
    before=$(attempts check.db)
    status 0 "${@:2}"
    equal 1 "$(($(attempts check.db) > before))" "$1"
}
tried 'another environment' env STRICT=2 "$DEARTH" check -o check.db --mode once -- ./prog input
echo two >input
tried "another file" "$DEARTH" check -o check.db --mode once -- ./prog input
tried 'other arguments' "$DEARTH" check -o check.db --mode once -- ./prog input more
tried 'another folder' env --chdir=/ "$DEARTH" check -o "$work/check.db" --mode once -- "$work/prog" input
tried 'another comparison' "$DEARTH" check -o check.db --mode once --output-check true -- ./prog input
printf 'a\n' >file
tried 'a file on standard input' "$DEARTH" check -o check.db --mode once -- ./prog input <file
before=$(attempts check.db)
touch file
status 0 "$DEARTH" check -o check.db --mode once -- ./prog input <file
equal "$before" "$(attempts check.db)" 'the same on standard input'
contains err 'not tried again'
printf 'b\n' >file
tried 'another content' "$DEARTH" check -o check.db --mode once -- ./prog input <file
cp file file2
tried 'another file of that content' "$DEARTH" check -o check.db --mode once -- ./prog input <file2
tried 'more modes' "$DEARTH" check -o check.db --mode both -- ./prog input
before=$(attempts check.db)
check 0
equal "$before" "$(attempts check.db)" 'attempts of what was done'
# A library: its flaw is found, and its mending, too.
library lib 'p[0] = 0;'
check 1
contains out lib_copy
library lib ''
check 0

# What a program did that the suite starts otherwise now is no evidence.
export FLAW=1
status 1 "$DEARTH" suite check -o gone.db --own '*_copy' --mode once -- sh -c './prog; :'
contains out lib_copy
unset FLAW
status 0 "$DEARTH" suite check -o gone.db --own '*_copy' --mode once -- sh -c './prog; :'
contains out 'Findings: nothing'
export FLAW=1
status 1 "$DEARTH" suite check -o gone.db --own '*_copy' --mode once -- sh -c './prog; :'
contains err '3 of 3 targets were not failed again: verdicts of recording 1 stand'
unset FLAW

# dearth suite check: after a change of a library only what it touched; a changed program is another.
printf './prog input; ./prog\n' >tests.sh
suite() {
    status "$1" "$DEARTH" suite check -o suite.db --own '*_copy' --mode once "${@:2}" -- sh tests.sh
}
suite 0
equal '3|3' "$(sql suite.db "SELECT count(*), sum(state = 'tested') FROM target")" 'targets'
first=$(attempts suite.db)
SHLVL=7 suite 0
equal "$first" "$(attempts suite.db)" 'attempts after a second suite check'
contains err '3 of 3 targets were not failed again: verdicts of recording 1 stand'
"$DEARTH" report --format text suite.db >report
contains report '3 of 3 targets were not failed again'
cp suite.db fresh.db
status 0 "$DEARTH" suite replay --fresh --own '*_copy' --mode once fresh.db
"$DEARTH" report --format text fresh.db >report
lacks report 'not failed again'
library other '/* changed */ (void)*(volatile const char *)s;'
suite 0
contains err '2 of 3 targets were not failed again'
touched() {
    sql suite.db "SELECT DISTINCT l.function FROM attempt a JOIN site s ON s.id = a.site_id JOIN location l ON l.id = s.location_id WHERE a.id > $1"
}
equal other_copy "$(touched "$(sql suite.db "SELECT max(a.id) FROM attempt a JOIN replay r ON r.id = a.replay_id JOIN unit_run n ON n.recording_id = r.recording_id JOIN unit u ON u.id = n.unit_id WHERE u.recording_id < (SELECT max(recording_id) FROM unit)")")" 'what the change touched'
before=$(attempts suite.db)
export STRICT=3
suite 0
lacks err 'not failed again'
equal 1 "$(($(attempts suite.db) > before))" 'another environment of a suite'
before=$(attempts suite.db)
suite 0 --fresh
lacks err 'not failed again'
equal 1 "$(($(attempts suite.db) > before))" 'suite check --fresh'
