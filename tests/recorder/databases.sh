#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A database that is none of ours, too new, damaged or out of reach is refused by name and left as it
# was; the program is not even started.
. "$(dirname "$0")/../lib.sh"

refused() { # FILE WORD
    local before after
    before=$(md5sum <"$1")
    status 125 "$DEARTH" record -o "$1" -- touch started
    contains err "$(basename "$1")"
    contains err "$2"
    after=$(md5sum <"$1")
    equal "$before" "$after" "$1 is unchanged"
    [ ! -e started ] || fail 'the program was started'
}

echo 'just some notes of the user, long enough to be a file header' >notes.txt
refused notes.txt 'not a'
sqlite3 foreign.db 'CREATE TABLE mine (x); INSERT INTO mine VALUES (1)'
refused foreign.db 'another program'

record -o good.db -- "$PROGRAMS/hello" >/dev/null
sqlite3 good.db 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
cp good.db newer.db
sqlite3 newer.db 'PRAGMA journal_mode=DELETE; PRAGMA user_version=999' >/dev/null
refused newer.db newer

cp good.db torn.db
dd if=/dev/urandom of=torn.db bs=4096 seek=1 count=3 conv=notrunc status=none
status 125 "$DEARTH" record -o torn.db -- true
contains err torn.db

status 125 "$DEARTH" record -o no/such/folder/d.db -- touch started
contains err no/such/folder/d.db
[ ! -e started ] || fail 'the program was started'

equal 600 "$(stat -c %a good.db)" 'mode of a database'
record -o good.db -- "$PROGRAMS/hello" >/dev/null
equal 2 "$(sql good.db 'SELECT count(*) FROM recording')" 'recordings gathered'
equal "$(sql good.db 'SELECT count(*) FROM site')" \
    "$(sql good.db 'SELECT count(DISTINCT site_id) FROM site_stat')" 'sites are shared'
