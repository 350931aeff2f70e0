#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Programs that lock their memory: the arena is no part of it, neither resident nor counted against the
# program's limit. What the program may not lock without dearth it may not lock with it.
# tags: unsanitized
. "$(dirname "$0")/../lib.sh"
need setpriv prlimit

chmod 755 "$work"
resident() { sed -n 's/.* resident //p' "$1"; }
locked() { sed -n 's/^locked \([0-9]*\) .*/\1/p' "$1"; }

for option in -a -f -c -o -u; do
    "$PROGRAMS/locked" $option 8 >alone 2>alone.err
    "$DEARTH" record -q -o "l$option.db" -- "$PROGRAMS/locked" $option 8 >out 2>out.err
    equal "$(cat alone)" "$(cat out)" "locked $option"
    equal 1 $(($(resident out.err) < $(resident alone.err) + 30000)) "resident, $option: $(cat alone.err out.err)"
    equal 1 "$(sql "l$option.db" 'SELECT exact FROM recording')" "exact, $option"
done
equal 1 $(($(locked alone.err) == 0 && $(locked out.err) == 0)) 'undone by munlockall()'
"$PROGRAMS/locked" -c 8 >/dev/null 2>alone.err
"$DEARTH" record -q -o c.db -- "$PROGRAMS/locked" -c 8 >/dev/null 2>out.err
equal 1 $(($(locked out.err) >= $(locked alone.err))) "what the program has is locked: $(cat alone.err out.err)"

# LIMIT OPTION: as an ordinary user who may lock so many bytes.
user() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all prlimit --memlock="$1" env HOME="$work/user" "${@:2}"
    else
        prlimit --memlock="$1" "${@:2}"
    fi
}
mkdir user && { [ "$(id -u)" != 0 ] || chown 65534 user; }
cd user || exit
for limit in 8388608 1048576 0; do
    user "$limit" "$PROGRAMS/locked" 8 >alone 2>/dev/null || :
    user "$limit" "$DEARTH" record -q -o "u$limit.db" -- "$PROGRAMS/locked" 8 >out 2>err || :
    equal "$(cat alone)" "$(cat out)" "with a limit of $limit bytes"
done
