#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Kill, at random moments, a recorded program, dearth while it records, replays, checks, or makes a database;
# after each kill look whether anything is lost or left.
#
#   kills.sh DEARTH PROGRAMS COUNT [KIND[:SIGNAL]...]
#
# PROGRAMS: folder of the built tests/programs; KIND: target collector replay check creation (all of them);
# SIGNAL: KILL INT TERM HUP QUIT (KILL for COUNT times, then the others, COUNT times in turn). A line for each
# kind; the exit status is 1 when anything was lost or left. It has a /dev/shm and a TMPDIR of its own in a
# mount namespace, so that what others do there is not mistaken for what was left. 77: no namespace to be had.
set -eu
[ $# -ge 3 ] || {
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
    exit 2
}
dearth=$(readlink -f "$1") programs=$(readlink -f "$2") here=$(dirname "$(readlink -f "$0")")
shift 2
mine=(unshare -m)
[ "$(id -u)" = 0 ] || mine=(unshare -rm)
"${mine[@]}" mount -t tmpfs none /dev/shm 2>/dev/null || {
    echo 'skipped: no mount namespace to be had'
    exit 77
}
work=$(mktemp -d "${TMPDIR:-/tmp}/dearth-kills.XXXXXXXX")
trap 'rm -rf "$work"' EXIT
TMPDIR=$work/tmp
export TMPDIR
mkdir "$TMPDIR"
# Nothing is ignored, as it would be under nohup.
"${mine[@]}" sh -c 'mount -t tmpfs none /dev/shm && exec env --default-signal "$@"' sh python3 "$here/kills.py" "$dearth" "$programs" "$work" "$@"
