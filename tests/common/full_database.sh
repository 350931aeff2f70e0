#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A disk that runs full, and a kill, at any point of what writes a database: what was in it before is
# still there and whole, and the same command goes on when there is room.
. "$(dirname "$0")/../lib.sh"
need sqlite3
inside=(unshare --mount --map-root-user)
"${inside[@]}" true 2>/dev/null || skip 'no private mounts here'

"$BUILD/tests/recorder/make_database" part.db --events 20000
"$DEARTH" record -q -o before.db -- "$PROGRAMS/degraded" >/dev/null
wanted=$("$DEARTH" sql -f csv part.db 'SELECT count(*) FROM recording' | tail -n 1)
size=$(($(stat -c %s part.db) / 1024))

cat >full.sh <<'F'
# One number a line: KiB that are free beside the database of one recording.
set -u
bad() {
    echo "$*: $(cat err)"
    exit 1
}
whole() { # looked at elsewhere: SQLite needs room beside it
    rm -rf look && mkdir look && cp place/d.db* look
    [ "$(sqlite3 look/d.db 'PRAGMA integrity_check')" = ok ] || bad "$1: damaged"
    [ "$(sqlite3 look/d.db "SELECT count(*) FROM recording WHERE state = 'complete' AND argv LIKE '%degraded%'")" -ge 1 ] ||
        bad "$1: what was recorded before is gone"
}
mount -t tmpfs -o size=64m none place || exit 77
for free in $SIZES; do
    rm -rf place/*
    mount -o remount,size=64m place
    cp before.db place/d.db
    mount -o remount,size=$(($(du -k place/d.db | cut -f1) + free))k place
    for command in "merge place/d.db part.db" "record -o place/d.db -- $PROGRAMS/oracle 40000" "replay --recording 1 place/d.db" \
        "recover place/d.db" "merge place/new.db part.db"; do
        got=0
        "$DEARTH" $command >/dev/null 2>err || got=$?
        [ "$got" -lt 128 ] || bad "$free KiB: $command: status $got"
        [ "$got" = 0 ] || grep -qE 'no space left|No space left' err || bad "$free KiB: $command: status $got"
        whole "$free KiB: $command"
        rm -f place/new.db-wal place/new.db-shm
        [ "$command" = "merge place/new.db part.db" ] || rm -f place/new.db
    done
    mount -o remount,size=64m place
    "$DEARTH" merge -q place/d.db part.db 2>err && "$DEARTH" merge -q place/new.db part.db 2>>err ||
        bad "$free KiB: with room again"
    whole "$free KiB: with room again"
    [ "$(ls -A place | tr '\n' ' ')" = 'd.db new.db ' ] || bad "$free KiB: files $(ls -A place)"
done
F
mkdir place
SIZES="0 4 8 16 32 48 64 100 160 $((size / 2)) $size $((size + 40)) $((2 * size))" "${inside[@]}" bash full.sh >said || {
    [ "$?" != 77 ] || skip 'no tmpfs here'
    fail "$(cat said)"
}
echo 'ok: a full disk'

# Killed while it merges: each input is there or not, and doing it again brings the rest.
for pause in 0 2 4 8 16 32 64 128; do
    cp before.db merged.db
    "$DEARTH" merge -q merged.db part.db &
    merge=$!
    sleep "0.$(printf %03d "$pause")"
    kill -KILL "$merge" 2>/dev/null || :
    wait "$merge" 2>/dev/null || :
    n=$("$DEARTH" sql -f csv merged.db 'SELECT count(*) FROM recording' | tail -n 1)
    [ "$n" = 1 ] || [ "$n" = "$((wanted + 1))" ] || fail "killed: $n recordings"
    "$DEARTH" merge -q merged.db part.db
    equal "ok $((wanted + 1)) merged.db" \
        "$(sqlite3 merged.db 'PRAGMA integrity_check; SELECT count(*) FROM recording' | tr '\n' ' ')$(echo merged.db*)" \
        "merged again after a kill ($n were there)"
done
