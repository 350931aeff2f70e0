#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Files that are not dearth's database, or not of this dearth: each is refused by name and left as it is.
. "$(dirname "$0")/../lib.sh"
need sqlite3

"$BUILD/tests/recorder/make_database" good.db --events 500
equal 600 "$(stat -c %a good.db)" 'mode of a new database'
equal wal "$(sql good.db 'PRAGMA journal_mode')" 'journal mode'
version=$(sql good.db 'PRAGMA user_version')

# refused FILE WORDS: by a reading and by a writing command; the file stays as it is.
refused() {
    local before
    before=$(md5sum <"$1")
    status 2 "$DEARTH" stats "$1"
    contains err "$1"
    contains err "$2"
    equal 1 "$(wc -l <err)" "lines about $1"
    status 2 "$DEARTH" sql --write "$1" 'SELECT 1'
    contains err "$1"
    equal "$before" "$(md5sum <"$1")" "$1 is untouched"
}
echo 'some text, long enough to be looked at' >text.db
refused text.db 'not a database'
: >empty.db
refused empty.db empty
sqlite3 foreign.db 'CREATE TABLE t(x); PRAGMA application_id = 7'
refused foreign.db 'another program'
sqlite3 plain.db 'CREATE TABLE recording(id)'
refused plain.db 'another program'
# ... also one whose log has not been folded into it: what lies beside it stays as it is, too
sqlite3 log.db '.dbconfig no_ckpt_on_close on' 'PRAGMA journal_mode = WAL; CREATE TABLE t(x); INSERT INTO t VALUES (1)' >/dev/null
md5sum log.db log.db-wal >log.sums
refused log.db 'another program'
status 125 "$DEARTH" record -o log.db -- true
contains err 'another program'
md5sum --quiet -c log.sums || fail "another program's log"
sqlite3 log2.db 'PRAGMA journal_mode = WAL; CREATE TABLE t(x)' >/dev/null
refused log2.db 'another program'
equal log2.db "$(echo log2.db*)" 'what is left beside it'
cp good.db newer.db
sqlite3 newer.db "PRAGMA journal_mode = DELETE; PRAGMA user_version = $((version + 1))" >/dev/null
refused newer.db newer
contains err "$((version + 1))"
head -c 8192 good.db >cut.db
status 2 "$DEARTH" stats cut.db
contains err cut.db
mkdir folder.db
status 2 "$DEARTH" stats folder.db
contains err folder
status 2 "$DEARTH" stats missing.db
contains err missing.db
contains err 'dearth record'
[ ! -e missing.db ] || fail 'a file was made'
# Every page but the first is damaged.
head -c "$(($(stat -c %s good.db) - 4096))" /dev/zero | tr '\0' x | dd of=good.db bs=4096 seek=1 conv=notrunc status=none
status 2 "$DEARTH" stats good.db
contains err good.db

# A read-only file, and one in a folder where nothing may be made, can be read.
plain=() # how to run as a user that permissions hold back
[ "$(id -u)" != 0 ] || plain=(setpriv --reuid 65534 --regid 65534 --clear-groups)
chmod 755 "$work"
if "${plain[@]}" "$DEARTH" --version >/dev/null 2>&1; then
    mkdir shut
    "$BUILD/tests/recorder/make_database" 'shut/a%20b?c#.db' --events 500
    chmod 444 shut/*
    chmod 555 shut
    status 0 "${plain[@]}" "$DEARTH" stats 'shut/a%20b?c#.db'
    contains out 'recording 2'
    status 2 "${plain[@]}" "$DEARTH" sql --write 'shut/a%20b?c#.db' 'SELECT 1'
    contains err 'shut/a%20b?c#.db'
    equal 1 "$(find shut -type f | wc -l)" 'files in the folder'
    chmod 755 shut
fi

# Someone else's lock is waited for, then named; readers go on.
"$BUILD/tests/recorder/make_database" busy.db --events 500
coproc locker { sqlite3 busy.db; }
echo "BEGIN IMMEDIATE; SELECT 'locked';" >&"${locker[1]}"
read -r answer <&"${locker[0]}"
equal locked "$answer" 'the other writer'
status 0 "$DEARTH" stats busy.db
echo 'ROLLBACK;' >&"${locker[1]}"
eval "exec ${locker[1]}>&-"
wait

# Several that start at once on a new file: one makes the schema, all record.
recorders=()
for _ in 1 2 3 4; do
    "$DEARTH" record -q -o together.db -- "$PROGRAMS/hello" >/dev/null &
    recorders+=($!)
done
for recorder in "${recorders[@]}"; do
    wait "$recorder" || fail "one of four recorders of a new file: status $?"
done
equal 4 "$(sqlite3 together.db 'SELECT count(*) FROM recording')" 'recordings in one new file'
