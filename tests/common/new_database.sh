#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Making a database: many at once on one file, killed on the way, at places where none can be. What is
# there already is never removed, and what is somebody else's never touched.
. "$(dirname "$0")/../lib.sh"
need sqlite3

# rows DATABASE: its recordings; the stock shell's read-only mode would leave files behind.
rows() {
    "$DEARTH" sql -f csv "$1" 'SELECT count(*) FROM recording' | tail -n 1
}

# Recordings beside others whose program cannot be executed: these take back what is theirs alone.
cp "$PROGRAMS/hello" ok
cp "$PROGRAMS/hello" busy
exec 9>>busy
for round in 1 2 3 4 5; do
    rm -f race.db*
    recorders=()
    for _ in 1 2 3 4; do
        "$DEARTH" record -q --no-symbols -o race.db -- ./busy >/dev/null 2>&1 &
        "$DEARTH" record -q --no-symbols -o race.db -- ./ok >/dev/null &
        recorders+=($!)
    done
    for recorder in "${recorders[@]}"; do
        wait "$recorder" || fail "round $round: a recorder ended with status $?"
    done
    wait
    equal 4 "$(rows race.db)" "round $round: recordings"
    equal race.db "$(echo race.db*)" 'files'
done
exec 9>&-

# ... and beside a merge into the same new file.
"$BUILD/tests/recorder/make_database" part.db --events 500
recorders=()
for kind in record merge record merge; do
    if [ "$kind" = record ]; then
        "$DEARTH" record -q --no-symbols -o both.db -- ./ok >/dev/null &
    else
        "$DEARTH" merge -q both.db part.db &
    fi
    recorders+=($!)
done
for recorder in "${recorders[@]}"; do
    wait "$recorder" || fail "one of two recorders and two merges: status $?"
done
equal "$(($(rows part.db) + 2))" "$(rows both.db)" 'recordings of both'

# Nothing to run: an empty database stays, which says what it is.
exec 9>>busy
status 126 "$DEARTH" record -o empty.db -- ./busy
exec 9>&-
status 2 "$DEARTH" report empty.db
contains err 'holds no recording'
equal ok "$(sql empty.db 'PRAGMA integrity_check')" 'the empty database'

# Killed while it is made: the next command goes on from there, whatever is left.
for pause in $(seq 0 24); do
    rm -f killed.db*
    "$DEARTH" record -q --no-symbols -o killed.db -- ./ok >/dev/null 2>&1 &
    recorder=$!
    until [ -e killed.db ] || ! kill -0 "$recorder" 2>/dev/null; do :; done
    sleep "0.00$(printf %02d "$pause")"
    kill -9 "$recorder" 2>/dev/null || :
    wait "$recorder" 2>/dev/null || :
    status 0 "$DEARTH" record -q --no-symbols -o killed.db -- ./ok >/dev/null
done
# The log of a database that was removed: what it holds does not come back in the new one.
cp both.db gone.db
sqlite3 gone.db >/dev/null <<'EOF'
PRAGMA wal_autocheckpoint = 0;
UPDATE recording SET cwd = '/gone';
.shell cp gone.db-wal left
EOF
rm gone.db
mv left gone.db-wal
status 0 "$DEARTH" record -q --no-symbols -o gone.db -- ./ok
equal 1 "$(rows gone.db)" 'recordings beside the log of a removed database'
equal gone.db "$(echo gone.db*)" 'its files'
# The states that a kill can leave, one by one.
: >nothing.db
status 2 "$DEARTH" stats nothing.db
contains err empty
status 0 "$DEARTH" record -q --no-symbols -o nothing.db -- ./ok
sqlite3 blank.db 'PRAGMA journal_mode = WAL' >/dev/null
status 2 "$DEARTH" stats blank.db
contains err empty
status 0 "$DEARTH" record -q --no-symbols -o blank.db -- ./ok
sqlite3 half.db 'PRAGMA journal_mode = WAL' >/dev/null
: >half.db-wal
printf '\x37\x7f\x06' >half.db-wal
status 0 "$DEARTH" record -q --no-symbols -o half.db -- ./ok
equal 'half.db 1' "$(echo half.db*) $(rows half.db)" 'a log cut short'

# Places where there is no database to be had.
mkfifo pipe
mkdir folder
for place in /dev/null /dev/full pipe folder/none/x.db dangling/x.db; do
    status 125 "$DEARTH" record -o "$place" -- ./ok
    contains err "$place"
    equal 1 "$(wc -l <err)" "lines about $place"
    status 2 "$DEARTH" merge "$place" part.db
    contains err "$place"
done
status 2 "$DEARTH" merge folder part.db
contains err folder
ln -s loop loop
status 125 "$DEARTH" record -o loop -- ./ok
contains err loop
for place in /dev/null pipe folder; do
    status 2 "$DEARTH" stats "$place"
    contains err "$place"
done

# A link leads to the file, also to one that is still to be made; logs lie beside that.
ln -s folder/real.db link.db
status 0 "$DEARTH" record -q --no-symbols -o link.db -- ./ok
[ -L link.db ] || fail 'the link is gone'
equal 'link.db folder/real.db 600' "$(echo link.db*) $(echo folder/*) $(stat -c %a folder/real.db)" 'the files'
status 0 "$DEARTH" stats link.db
equal 'link.db folder/real.db' "$(echo link.db*) $(echo folder/*)" 'the files after reading'

# Somebody else's files with the names that SQLite would use.
for ending in journal wal shm; do
    echo 'my notes' >"notes-$ending"
    status 125 "$DEARTH" record -o notes -- ./ok
    contains err "notes-$ending"
    equal "my notes notes-$ending" "$(cat "notes-$ending") $(echo notes*)" 'the notes'
    : >notes
    status 125 "$DEARTH" record -o notes -- ./ok
    equal 'my notes' "$(cat "notes-$ending")" 'the notes beside an empty file'
    rm notes*
done
