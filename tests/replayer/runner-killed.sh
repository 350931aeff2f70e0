#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SIGKILL for dearth or for a worker, at any moment: no process of an attempt is left.
# tags: part
. "$(dirname "$0")/../lib.sh"
cp "$TARGET" "$work/target"

workers_of() {
    ps -o pid= --ppid "$1" || :
}

wait_for_some() {
    local tries
    for tries in $(seq 500); do
        [ -z "$(processes_below "$work")" ] || return 0
        sleep 0.01
    done
    fail "no attempt was seen running after $tries tries"
}

# A program with children and a daemon, killed while it hangs or is just being started.
for tracing in '' -u; do
    for delay in 0 0.003 0.01 0.02 0.05 0.1 0.3; do
        # shellcheck disable=SC2086
        "$DRIVE" $tracing -q -t 60000 -j 2 -n 4 -- bash -c "
            '$work/target' now forks 3 & '$work/target' now daemon; exec '$work/target' now spin" >out 2>&1 &
        dearth=$!
        [ "$delay" = 0 ] || wait_for_some
        sleep "$delay"
        kill -KILL "$dearth"
        wait "$dearth" 2>/dev/null || :
        none_below "$work"
    done
    echo "ok: dearth killed${tracing:+ untraced}"

    # shellcheck disable=SC2086
    "$DRIVE" $tracing -t 60000 -n 1 -- bash -c "
        '$work/target' now daemon; '$work/target' now forks 3" >out 2>&1 &
    dearth=$!
    wait_for_some
    sleep 0.3
    workers_of "$dearth" | xargs -r kill -KILL
    wait "$dearth" || :
    none_below "$work"
    grep -q 'lost' out || fail "the lost attempt was not noticed: $(cat out)"
    echo "ok: worker killed${tracing:+ untraced}"
done
