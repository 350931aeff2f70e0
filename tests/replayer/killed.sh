#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Of a replay that was killed there are executions and no findings: the gate does not pass, no report says that there
# is nothing, and a replay that goes on with it makes it good. So of a suite.
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
need cc sqlite3 jq

cat >waits.c <<'END'
#include <stdlib.h>
#include <unistd.h>
__attribute__((noinline)) void uses(void) {
    char *p = malloc(1);
    p[0] = 1; /* crashes */
    free(p);
}
int main(void) {
    uses();
    char *p = malloc(2);
    while (!p && access("go", F_OK) != 0)
        usleep(10000); /* until this test has killed dearth */
    free(p);
    return 0;
}
END
cc -g -O0 -o waits waits.c

# kill_in DATABASE COMMAND...: while the second call's failure is waited for, and the first one's is stored
kill_in() {
    local database=$1 before findings
    shift
    rm -f go
    before=$(sql "$database" "SELECT count(*) FROM attempt WHERE verdict = 'crashed'")
    findings=$(sql "$database" 'SELECT count(*) FROM finding')
    "$@" >/dev/null 2>kill.err &
    local dearth=$!
    for _ in $(seq 600); do
        [ "$(sql "$database" "SELECT count(*) FROM attempt WHERE verdict = 'crashed'" 2>/dev/null || echo "$before")" = "$before" ] || break
        sleep 0.05
    done
    kill -KILL "$dearth"
    wait "$dearth" 2>/dev/null || :
    equal "$findings" "$(sql "$database" 'SELECT count(*) FROM finding')" 'findings'
    equal 1 "$(sql "$database" "SELECT count(*) > $before FROM attempt WHERE verdict = 'crashed'")" 'crashes stored'
    : >go
}

"$DEARTH" record -o waits.db -- ./waits 2>err
kill_in waits.db "$DEARTH" replay --how rerun --timeout 600s waits.db
status 2 "$DEARTH" report --gate -f text waits.db
contains err 'gate UNDECIDED'
contains err 'of a replay that goes on or was killed'
contains out 'Findings: not known yet'
status 0 "$DEARTH" report -f markdown waits.db
contains out 'Findings: not known yet'
status 0 "$DEARTH" replay waits.db
status 1 "$DEARTH" report --gate -f text waits.db
contains err 'gate FAILED'
lacks out 'not known yet'

# another recording of the program is judged by what was done for that one
"$DEARTH" record -o waits.db -- ./waits 2>err
kill_in waits.db "$DEARTH" replay --how rerun --timeout 600s waits.db
status 1 "$DEARTH" report --gate --like 1 -f text waits.db
contains err 'gate FAILED'
lacks err 'of a replay that goes on or was killed'
status 1 "$DEARTH" report --gate -f text waits.db
contains err 'of a replay that goes on or was killed'

# a suite: its targets are not known either
"$DEARTH" suite record -o suite.db -- ./waits 2>err
kill_in suite.db "$DEARTH" suite replay --how rerun --timeout 600s suite.db
status 1 "$DEARTH" report --gate -f text suite.db
contains err 'of a replay that goes on or was killed'
contains out '0 were run by themselves'
lacks out 'do a part of it there'
lacks out 'Nothing was tried yet'
