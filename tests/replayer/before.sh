#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check: what a program can do but once it does in every attempt, and to the user's files once, as without
# dearth. Later commands on the database find the files as they were, too.
. "$(dirname "$0")/../lib.sh"
need setpriv jq

# fill FOLDER: what `once` is to find
fill() {
    mkdir -p "$1/full/inner"
    echo input >"$1/input"
    echo first >"$1/log"
    echo old >"$1/old"
    echo newer | head -c 5 >"$1/new"
    echo file >"$1/full/inner/file"
    mkfifo "$1/gone"
    ln -s nowhere "$1/away"
    touch -d 2001-02-03 "$1/log"
}
# seen FOLDER: everything that there is, with types, modes, owners, contents
seen() {
    (cd "$1" && find . -printf '%p %y %m %U %G %l\n' | sort && find . -type f -exec md5sum {} + | sort)
}
fill bare
"$PROGRAMS/once" bare >/dev/null

# checked NAME OPTIONS...: check of `once`, whose sites are all tested then; as root and as an ordinary user
checked() {
    local name=$1
    shift
    fill "$name"
    status 0 "$DEARTH" check -o "$name.db" --report "$name.json" --min-coverage 100 "$@" -- "$PROGRAMS/once" "$name"
    lacks err 'differ'
    equal "$(seen bare)" "$(seen "$name")" "files after a check ($name)"
    equal '4 reported' "$(sql "$name.db" "SELECT count(DISTINCT site_id) || ' ' || group_concat(DISTINCT verdict)
        FROM attempt JOIN site ON site.id = site_id JOIN location ON location.id = location_id
        WHERE function = 'new_note' AND under = 'plain'")" "sites of new_note ($name)"
}
checked plain
equal "0|
33188|first" "$(sql plain.db "SELECT mode, trim(content, char(10)) FROM former_file WHERE path GLOB '*/plain/made' OR
    path GLOB '*/plain/log' ORDER BY path DESC")" 'former files'
equal 600 "$(stat -c %a plain.db)" 'mode of the database'

# A finding is shown again in the same place.
fill degraded
"$DEARTH" check -o repro.db --fail-on none -- sh -c "$PROGRAMS/once degraded >/dev/null && $PROGRAMS/crashed" >out 2>err
contains err 'as before the recording'
"$DEARTH" repro repro.db 1 >out 2>&1 || :
contains out 'as before the recording'
lacks out 'did not come up'

# Again from the database, whatever has become of the files since.
rm -rf plain/full plain/old
status 0 "$DEARTH" replay --retest plain.db
lacks err 'differ'
"$DEARTH" merge all.db plain.db >/dev/null 2>&1
rm -rf plain
mkdir plain
status 0 "$DEARTH" replay --retest all.db
lacks err 'differ'
equal 0 "$(find plain -mindepth 1 | wc -l)" 'files after a later replay'

# The copy alone, and nothing at all.
checked copied --isolation copy
fill shared
status 2 "$DEARTH" check -o shared.db --isolation shared -- "$PROGRAMS/once" shared
contains err 'ended with status 0'
fill in-place
status 2 "$DEARTH" check -o in-place.db --in-place -- "$PROGRAMS/once" in-place
contains err 'ended with status 0'
equal 0 "$(sql in-place.db 'SELECT count(*) FROM former_file')" 'files kept with --in-place'
equal "$(seen bare)" "$(seen in-place)" 'files after a check in place'

# By an ordinary user, where that one has an overlay; in a folder that is in no folder of root's but /tmp.
if [ "$(id -u)" = 0 ] && setpriv --reuid=65534 --regid=65534 --clear-groups unshare -Ur true 2>/dev/null; then
    theirs=$(mktemp -d /tmp/dearth-test.XXXXXXXX)
    trap 'rm -rf "$work" "$theirs"' EXIT
    cp "$PROGRAMS/once" "$theirs"
    chown 65534:65534 "$theirs"
    as_user() {
        (cd "$theirs" && XDG_CACHE_HOME=$theirs TMPDIR=/tmp exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@")
    }
    export -f fill
    as_user bash -c 'fill bare; fill tried; ./once bare >/dev/null'
    status 0 as_user "$DEARTH" check -o user.db --min-coverage 100 -- ./once tried
    equal "$(seen "$theirs/bare")" "$(seen "$theirs/tried")" 'files after an ordinary user'"'"'s check'
fi

# What comes through a pipe comes to both runs, and the writer is not kept waiting.
status 0 bash -c "echo piped | $DEARTH check --fail-on none --limit 4 -o piped.db -- sh -c 'mkdir piped && cat >piped/text'"
equal piped "$(cat piped/text)" 'through a pipe'
equal 1 "$(sql piped.db "SELECT count(*) FROM former_file WHERE mode = 0 AND path GLOB '*/piped'")" 'made from a pipe'
status 0 bash -c "yes | $DEARTH check --fail-on none --limit 4 -o endless.db -- head -n 1"

# More than a database is to hold: said, and attempts find it as it is now.
head -c 70000000 /dev/zero >large
status 0 "$DEARTH" check --fail-on none -o large.db --limit 4 -- sh -c 'echo more >>large'
contains err 'more than 64 MiB'
equal 70000005 "$(stat -c %s large)" 'bytes of a large file'
equal 'files_after' "$(sql large.db "SELECT kind FROM note WHERE kind = 'files_after'")" 'the note'

# Ctrl-C while it is tried: nothing has happened. A program that needs long: recorded all the same.
"$DEARTH" check -o broken-off.db -- sh -c 'echo x >made-early; sleep 60' >out 2>err &
dearth=$!
for _ in $(seq 300); do # somebody who waits is told what for
    ! grep -q 'in a private tree first, for at most 1 min' err || break
    sleep 0.1
done
kill -TERM "$dearth"
seen=0
wait "$dearth" || seen=$?
equal 130 "$seen" 'status after SIGTERM'
[ ! -e made-early ] || fail 'a run in a private tree wrote to the real one'
contains err 'in a private tree first, for at most 1 min'
contains err 'nothing of yours was changed'
"$DEARTH" check -o slow.db --time-budget 1s -- sh -c ': >slow-was-here; sleep 2' >out 2>err || :
contains err 'had not ended'
[ -e slow-was-here ] || fail 'the program was not recorded'
