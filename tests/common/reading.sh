#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Commands that read leave nothing behind, wherever the database lies, and read one that is recorded into.
. "$(dirname "$0")/../lib.sh"

mkdir place made
"$BUILD/tests/recorder/make_database" place/d.db --events 500
reading=("stats d.db" "diff d.db d.db" "sql d.db 'SELECT count(*) FROM allocation'" "export d.db" "export -f csv d.db"
    "report d.db" "report --gate d.db" "view d.db" "view -o ../made/page.html d.db" "report -o ../made/report.json d.db"
    "merge ../made/all.db d.db")
files() {
    find place -mindepth 1 -printf '%f %s %m\n' | sort
}

# all WHERE COMMAND...: every command that reads, by COMMAND; the folder is as it was.
all() {
    local where=$1 line before
    shift
    before=$(files)
    rm -f made/*
    for line in "${reading[@]}"; do
        (cd place && eval "\"\$@\" \"\$DEARTH\" $line" >../seen 2>&1) || [ "$?" = 1 ] ||
            fail "$where: $line: $(cat seen)"
        equal "$before" "$(files)" "$where: after $line"
    done
}
all 'a folder of ours' env

# Two at once: the last one that closes it takes the log away.
for _ in 1 2 3 4 5; do
    for _ in 1 2 3; do
        "$DEARTH" report place/d.db >/dev/null 2>&1 &
    done
    wait
done
equal d.db "$(ls place)" 'after several at once'

# What a kill leaves is not in the way, and is put in order.
"$DEARTH" record -q -o place/killed.db -- sh -c 'echo $$ >pid; exec sleep 60' &
recorder=$!
for _ in $(seq 300); do
    ! { [ -e pid ] && "$DEARTH" stats place/killed.db >/dev/null 2>&1; } || break
    sleep 0.05
done
# ... read while it is recorded into: the log stays, and so does what is in it
[ -e place/killed.db-wal ] || fail 'the log of a recording that goes on was taken away'
status 0 "$DEARTH" report place/killed.db
[ -e place/killed.db-wal ] || fail 'the log of a recording that goes on was taken away by report'
kill -9 "$recorder"
wait "$recorder" || :
kill "$(cat pid)"
status 0 "$DEARTH" sql -f csv place/killed.db "SELECT state FROM recording"
contains out running
equal 'd.db killed.db' "$(cd place && echo *)" 'after a kill'
rm place/killed.db

# Read-only file, read-only folder, by a user that permissions hold back.
plain=()
[ "$(id -u)" != 0 ] || plain=(setpriv --reuid 65534 --regid 65534 --clear-groups)
chmod 755 "$work"
chmod 777 made
if "${plain[@]}" "$DEARTH" --version >/dev/null 2>&1; then
    chmod 444 place/d.db
    all 'a file that nobody writes to' "${plain[@]}"
    chmod 777 place
    all 'the same in a folder that is open to all' "${plain[@]}"
    chmod 644 place/d.db
    all 'a file that others write to, in such a folder' "${plain[@]}"
    chmod 444 place/d.db
    chmod 555 place
    all 'a folder that is shut' "${plain[@]}"
    chmod 755 place
fi
if unshare --mount --map-root-user true 2>/dev/null; then
    chmod 600 place/d.db
    unshare --mount --map-root-user bash -c 'mount --bind place place && mount -o remount,bind,ro place &&
        "$1" stats place/d.db >/dev/null && ls place' bash "$DEARTH" >seen || fail 'a read-only file system'
    equal d.db "$(cat seen)" 'files of a read-only file system'
fi
