#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# --time-budget bounds the whole of a replay, and of a check: runs without a fault, attempts that are under
# way, those of a server, the search for leaks. What was seen until then is kept.
# tags: waits unsanitized
. "$(dirname "$0")/../lib.sh"
need cc

cat >slow.c <<'C'
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv) {
    char *p = malloc(100);
    if (!p && argc > 2)
        sleep(60);
    if (!p)
        return 1;
    usleep(argc > 1 ? 1000 * (useconds_t)atoi(argv[1]) : 0);
    *(volatile char *)p = 1;
    free(p);
    return 0;
}
C
cc -g -fno-builtin -o slow slow.c
# bounded SECONDS STATUS COMMAND...: it ends in that time
bounded() {
    local most=$1 wanted=$2 begin=$SECONDS
    shift 2
    status "$wanted" "$@"
    [ $((SECONDS - begin)) -le "$most" ] || fail "$* took $((SECONDS - begin)) s"
}
state() { sql "$1" 'SELECT state FROM replay ORDER BY id DESC LIMIT 1'; }

# Not even the runs without a fault fit in.
record -o base.db -- ./slow 8000
bounded 8 0 "$DEARTH" replay --time-budget 2s base.db
contains err 'no fault was tried'
contains err 'time is up'
equal budget "$(state base.db)" 'the state'
equal budget "$(sql base.db 'SELECT reason FROM skipped')" 'the reason'
# Nor does a check get longer by its recording.
bounded 14 1 "$DEARTH" check -q --time-budget 4s -o check.db -- ./slow 8000
equal budget "$(state check.db)" 'of a check'

# An attempt that hangs is not waited for, and what ended before is kept.
record -o hang.db -- ./slow 1 hang
bounded 10 0 "$DEARTH" replay --timeout 40s --how rerun --time-budget 4s hang.db
equal budget "$(state hang.db)" 'of a hang'
[ "$(sql hang.db 'SELECT count(*) FROM baseline')" -ge 2 ] || fail 'runs without a fault are lost'

# A server: neither its runs nor its faults go on.
record -o serve.db --health true --drive 'sleep 1' -- sh -c 'sleep 60; :'
bounded 12 0 "$DEARTH" replay --health true --drive 'sleep 20' --time-budget 3s serve.db
equal budget "$(state serve.db)" 'of a server'

# One that never gets ready, or whose client does not end, in a check: the program is dearth's to end.
bounded 20 2 "$DEARTH" check -o never.db --health 'sleep 50' --drive true --time-budget 3s -- sleep 40
contains err 'within --ready-timeout, 3.0 s'
bounded 20 2 "$DEARTH" check -o client.db --health true --drive 'sleep 50' --time-budget 3s -- sleep 40
contains err 'within --drive-timeout, 3.0 s'

# Enough is enough.
record -o whole.db -- ./slow
bounded 30 0 "$DEARTH" replay --time-budget 25s whole.db
equal complete "$(state whole.db)" 'one that suffices'
