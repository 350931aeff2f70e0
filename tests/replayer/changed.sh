#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# --changed-since chooses the sites with a frame in a function that git shows as changed.
. "$(dirname "$0")/../lib.sh"
need git cc
export HOME=$work GIT_CONFIG_NOSYSTEM=1
git() {
    command git -c user.name=Test -c user.email=test@example.org -c init.defaultBranch=main "$@"
}

mkdir -p tree/src build
cat >tree/src/program.c <<'C'
#include <stdlib.h>
#include <string.h>

__attribute__((noinline)) static char *new_name(void) {
    char *name = malloc(16);
    if (!name)
        exit(3);
    memset(name, 'x', 16);
    return name;
}

static inline __attribute__((always_inline)) char *new_value(size_t n) {
    char *value = malloc(n);
    if (!value)
        exit(4);
    memset(value, 'y', n);
    return value;
}

__attribute__((noinline)) static char *new_pair(void) {
    return new_value(24);
}

int main(void) {
    char *name = new_name(), *pair = new_pair();
    free(name);
    free(pair);
    return 0;
}
C
git -C tree init -q && git -C tree add -A && git -C tree commit -qm first
build() {
    cc -g -O1 -fno-builtin -fno-optimize-sibling-calls -o build/program tree/src/program.c
    rm -f dearth.db*
    record -- build/program
}
chosen() {
    sql dearth.db "SELECT DISTINCT size || '' FROM (SELECT max(max_size) AS size FROM attempt a
        JOIN site_stat t ON t.site_id = a.site_id GROUP BY a.site_id) ORDER BY 1" | tr '\n' ' '
}

build
replay --changed-since HEAD --repository tree
equal 0 "$(sql dearth.db 'SELECT count(*) FROM attempt')" 'nothing has changed'

# The error check goes, not the line that allocates; the function was inlined into another one.
sed -i '/if (!value)/,/exit(4)/d' tree/src/program.c
build
replay --changed-since HEAD --repository tree/src
equal '24 ' "$(chosen)" 'the changed function'
equal crashed "$(sql dearth.db 'SELECT DISTINCT verdict FROM finding')" 'and its flaw'

# Committed: changed since the commit before, in the current folder.
git -C tree commit -qam second
cp build/program tree/
(cd tree && "$DEARTH" record -o ../here.db -- ./program 2>err && "$DEARTH" replay --changed-since HEAD~1 ../here.db 2>err)
equal 1 "$(sql here.db "SELECT count(DISTINCT site_id) FROM attempt")" 'since a commit'

# A changed caller: every site below it.
sed -i 's/int main(void) {/&\n    unsetenv("NOTHING");/' tree/src/program.c
build
replay --changed-since HEAD --repository tree
equal '16 24 ' "$(chosen)" 'below a changed caller'

status 2 "$DEARTH" replay --changed-since no-such-revision --repository tree dearth.db
contains err no-such-revision
mkdir other && git -C other init -q && git -C other commit -q --allow-empty -m empty
status 2 "$DEARTH" replay --changed-since HEAD --repository other dearth.db
contains err 'no source file'
status 2 "$DEARTH" replay --changed-since HEAD --repository build dearth.db
status 2 "$DEARTH" replay --changed-since --help dearth.db
status 2 "$DEARTH" replay --repository tree dearth.db
contains err --changed-since

# A change of something else: there is nothing to fail, which is said, and is no failure of the gate.
git -C tree commit -qam third
echo words >tree/README && git -C tree add -A && git -C tree commit -qm words
build
status 0 "$DEARTH" check -o docs.db --report docs.json --changed-since HEAD~1 --repository tree -- build/program
contains err 'no function on the stack of a recorded allocation was changed since HEAD~1'
contains err 'gate passed'
contains err 'nothing was replayed'
# It says nothing of what is recorded next, nor of a later replay that tries nothing for another reason.
"$DEARTH" record -q -o docs.db -- build/program
status 1 "$DEARTH" report --gate -o /dev/null docs.db
contains err 'there is no evidence to judge'
status 2 "$DEARTH" check -o other.db --in no_such_function -- build/program
