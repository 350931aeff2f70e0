#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Little shared memory: threads wait for the collector and nothing is lost; with none at all in
# /dev/shm another folder serves; nothing is left behind. A limited address space leaves the program
# most of it.
# tags: unsanitized
. "$(dirname "$0")/../lib.sh"

exact() { # DATABASE
    sql "$1" 'SELECT exact, (SELECT sum(n_events) FROM event_chunk) = events,
        events = allocations + frees + failed FROM recording'
}
inside=(unshare --mount --map-root-user)
cat >small.sh <<'S'
mount -t tmpfs -o size="$1" none /dev/shm || exit 1
"$2" record -q -o "$1.db" -- sh -c "'$3' 100000 & '$3' 100000 & wait" 2>err
ls /dev/shm >left
S
cat >none.sh <<'S'
mount -t tmpfs -o size=64k none /dev/shm || exit 1
TMPDIR=$PWD "$1" record -q -o none.db -- sh -c 'ls -d dearth-*/arena' >seen
S
if "${inside[@]}" mount -t tmpfs -o size=4m none /dev/shm 2>/dev/null; then
    for size in 3m 64m; do
        "${inside[@]}" bash small.sh "$size" "$DEARTH" "$PROGRAMS/oracle"
        equal '1|1|1' "$(exact "$size.db")" "exact with $size"
        equal '' "$(cat left)" 'left in /dev/shm'
    done
    "${inside[@]}" bash none.sh "$DEARTH"
    grep -q '^dearth-.*/arena$' seen || fail 'the arena is not in TMPDIR'
    [ -z "$(ls -d dearth-* 2>/dev/null)" ] || fail 'a session folder is left'
fi
# A dearth built with sanitizers needs terabytes of address space for itself.
if (ulimit -v 600000 && "$DEARTH" --version >version 2>&1); then
    (
        ulimit -v 600000
        record -q -o limited.db -- "$PROGRAMS/tree" fork exec spawn >/dev/null
    )
    equal '1|1|1' "$(exact limited.db)" 'exact under a limited address space'
fi

record -q -o drop.db --on-full drop -- "$PROGRAMS/oracle" 100000
equal 1 "$(sql drop.db 'SELECT exact = (events_lost = 0) FROM recording')" 'losses are said'
record -q -o sites.db --detail sites -- "$PROGRAMS/oracle" 1000
equal '0|sites|1' "$(sql sites.db 'SELECT (SELECT count(*) FROM event_chunk), detail,
    (SELECT sum(count - failed) FROM site_stat) = allocations FROM recording')" 'sums alone'
