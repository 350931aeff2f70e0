#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The tool on itself: dearth's own commands, each on a small database, under its own replayer. No failure
# of an allocation makes one crash, hang, damage memory, lose a block, or give a wrong answer with status 0.
#
#   SELF_FAULTS   faults for each command (60): breadth first, so that each location comes before any twice;
#                 tests/replayer/self.sh all   every site, for use by hand
# tags: part
source "${SOURCE:?}/tests/lib.sh"
need cc

cat >p.c <<'C'
#include <stdlib.h>
int main(void) {
    for (int i = 0; i < 3; i++) {
        char *p = malloc(100), *q = p ? realloc(p, 500) : NULL;
        free(q ? q : p);
    }
    return 0;
}
C
cc -g -O1 -o p p.c
"$DEARTH" check -q -o a.db -- ./p
"$DEARTH" record -q -o b.db -- ./p
cp a.db part.db
budget=(--limit "${SELF_FAULTS:-60}")
[ "${1-}" != all ] || budget=()

# self NAME COMMAND...: what the gate says of it
self() {
    local name=$1 s=0
    shift
    "$DEARTH" check -q --fail-on silent --timeout 60s "${budget[@]}" -o "self-$name.db" -- "$DEARTH" "$@" >gate 2>err </dev/null || s=$?
    [ "$s" = 0 ] || {
        cat gate err >&2
        "$DEARTH" report --format text "self-$name.db" >&2 || :
        fail "$name: status $s"
    }
    echo "ok: $name: $("$DEARTH" report "self-$name.db" | jq -r '.summary.sites | "\(.tested) of \(.testable) sites tested"')"
}
self stats stats a.db
self report report a.db
self text report --format text a.db
self sarif report --format sarif a.db
self view view -q -o v.html a.db
self sql sql a.db 'SELECT count(*), max(size) FROM allocation'
self export export a.db
self pprof export --format pprof -o p.pb.gz a.db
self diff diff a.db b.db
self merge merge -q all.db part.db
