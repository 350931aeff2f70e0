#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# That a process has ended is known, or nothing is given up: with few descriptors, without /proc, in other
# namespaces, with a first thread that ends alone, no call is lost; where some are, the recording is not exact.
. "$(dirname "$0")/../lib.sh"

whole() { # DATABASE WHAT: what the program says that it made, is there
    local calls
    calls=$(sql "$1" "SELECT max(n) FROM (SELECT sum(count) AS n FROM site_stat GROUP BY site_id)")
    equal "$(cat made)|1" "$calls|$(sql "$1" 'SELECT exact FROM recording')" "calls and exact, $2"
}

# Fewer descriptors than children; the program has the limit that dearth was started with.
for files in 24 256; do
    (
        ulimit -n "$files"
        record -o "few-$files.db" --no-symbols -- "$PROGRAMS/crowd" alive 300 200 >made
    )
    whole "few-$files.db" "$files descriptors"
done
(
    ulimit -Sn 100
    record -o soft.db --no-symbols -- sh -c 'ulimit -Sn' >seen
)
equal 100 "$(cat seen)" 'limit of the program'

record -o leaderless.db --no-symbols -- "$PROGRAMS/crowd" leaderless 4 30000 >made
whole leaderless.db 'the first thread has ended'

# Who goes on in the memory of a process that was killed is not watched. What it does may be seen before that
# is stored, else it is counted as lost.
record -o shared.db --no-symbols -- "$PROGRAMS/crowd" shared 1 50 >made
made=$(cat made)
equal 1 "$(sql shared.db "SELECT (exact = 0 AND events_lost > 0 AND allocations + frees + events_lost >= 2 * $made)
    OR (exact = 1 AND allocations + frees >= 2 * $made) FROM recording")" 'in the memory of the dead: counted or lost'

inside=(unshare --mount --map-root-user)
cat >hidden.sh <<'S'
mount -t tmpfs none /proc || exit 1
"$DEARTH" record -o hidden.db --no-symbols -- "$PROGRAMS/crowd" alive 50 200 >made 2>err || exit 2
"$DEARTH" record -o long.db --no-symbols -- "$PROGRAMS/crowd" forks 1 300000 >long 2>err
S
export DEARTH PROGRAMS
# A sanitized build has its options and finds its leaks in /proc.
if ! ldd "$DEARTH" | grep libasan >/dev/null && "${inside[@]}" mount -t tmpfs none /proc 2>/dev/null; then
    status 0 timeout 100 "${inside[@]}" bash hidden.sh
    whole hidden.db 'no /proc'
    cp long made
    whole long.db 'no /proc, more than a ring holds'
fi
if unshare --pid --fork --map-root-user true 2>/dev/null; then
    # /proc is there, but tells of other processes
    unshare --pid --fork --map-root-user "$DEARTH" record -o outer.db --no-symbols -- "$PROGRAMS/crowd" alive 50 200 >made 2>err
    whole outer.db "another namespace's /proc"
    # and the pids of the program say nothing out here
    record -o inner.db --no-symbols -- unshare --pid --fork --map-root-user "$PROGRAMS/crowd" forks 100 200 >made
    whole inner.db 'a pid namespace of its own'
fi
