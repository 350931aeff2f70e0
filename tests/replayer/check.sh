#!/usr/bin/env bash
# check: 0 when the gate holds, 1 when it fails, 2 when dearth could not do its job.
. "$(dirname "$0")/../lib.sh"

check() {
    local wanted=$1 db=$2
    shift 2
    status "$wanted" "$DEARTH" check -o "$db.db" "$@"
}
check 0 reported -- "$PROGRAMS/reported"
check 1 crashed -- "$PROGRAMS/crashed"
contains out new_node
check 0 aborted -- "$PROGRAMS/aborted"
check 1 aborted2 --fail-on policy -- "$PROGRAMS/aborted"
check 1 degraded --fail-on warning -- "$PROGRAMS/degraded"
check 0 degraded2 -- "$PROGRAMS/degraded"
check 1 coverage --min-coverage 90 --in new_key -- "$PROGRAMS/corrupted-double-free-fixed"
check 2 missing -- ./no-such-program
contains err no-such-program
check 2 static -- "$PROGRAMS/hello-static"
contains err static
check 2 usage --no-such-option -- true

# What is known already does not fail the gate again.
"$DEARTH" report -o known.json crashed.db
check 0 again --baseline known.json -- "$PROGRAMS/crashed"
check 2 lost --baseline no-such.json -- "$PROGRAMS/crashed"
