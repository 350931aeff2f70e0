#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A disk that runs full ends the recording, not the program; the database stays valid and says so. A
# read-only place is refused before the program starts.
. "$(dirname "$0")/../lib.sh"
inside=(unshare --mount --map-root-user)
"${inside[@]}" true 2>/dev/null || skip 'no private mounts here'

cat >full.sh <<'S'
mount -t tmpfs -o size=1m none place || exit 77
"$1" record -o place/d.db -- "$2" 600000 >out 2>err
echo "$?" >status
cp place/d.db* . # SQLite makes a file beside what it reads: there may be no room for it
sqlite3 d.db 'PRAGMA integrity_check; SELECT state, exact, exit_code FROM recording;
    SELECT count(*) > 0 FROM event_chunk; SELECT kind FROM note' >seen
umount place
mount -t tmpfs -o size=560k none place || exit 77
"$1" record -o place/n.db -- "$3" flips 1 0 >out-n 2>err-n
cp place/n.db* .
sqlite3 n.db 'SELECT exact, events > 0, events_lost > 0, events + events_lost,
    events - (SELECT total(events) FROM process) FROM recording' >seen-n
umount place
for kb in 380 384 388 392 396 400 404 408 412 416 420 424; do # full at some other write each time
    mount -t tmpfs -o "size=${kb}k" none place || exit 77
    "$1" record -o place/s.db -- "$3" flips 1 0 >out-s 2>err-s
    cp place/s.db* .
    sqlite3 s.db 'SELECT state, exact, events + events_lost FROM recording' |
        sed "s/\$/|$(sed -n 's/^made //p' out-s)/" >>seen-s
    rm -f s.db*
    umount place
done
mount -t tmpfs -o size=560k none place || exit 77
mount -o remount,ro place
"$1" record -o place/e.db -- touch started 2>err-ro
echo "$?" >>status
S
mkdir place
"${inside[@]}" bash full.sh "$DEARTH" "$PROGRAMS/oracle" "$PROGRAMS/stray" || skip 'no tmpfs here'
equal '125 125' "$(tr '\n' ' ' <status | sed 's/ $//')" 'status'
contains err 'no space left'
contains err 'd.db'
grep -q '^live ' err || fail 'the program did not go on to its end'
equal 'ok interrupted|0|0 1 not_written' "$(tr '\n' ' ' <seen | sed 's/ $//')" 'database'
made=$(sed -n 's/^made //p' out-n)
IFS='|' read -r exact some lost sum rest <seen-n
equal '0 1 1 0.0' "$exact $some $lost $rest" 'exact, recorded, lost, recorded beyond its processes'
(( sum >= made && sum <= made + 16 )) || fail "$sum calls recorded or lost, $made made"
echo "ok: $sum calls recorded or lost of $made"
equal 12 "$(wc -l <seen-s)" 'recordings on small disks'
while IFS='|' read -r state exact sum made; do
    [ "$state $exact" = 'interrupted 0' ] || fail "on a small disk: $state, exact $exact"
    (( sum >= made && sum <= made + 16 )) || fail "on a small disk: $sum calls recorded or lost, $made made"
done <seen-s
contains err-ro 'e.db'
[ ! -e started ] || fail 'the program was started'
