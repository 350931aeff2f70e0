#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A database whose schema is not the one that dearth makes is refused by name before anything is read; one
# that says the same in other words, with statistics, or made statement by statement, is not.
. "$(dirname "$0")/../lib.sh"
record -q -o good.db --no-symbols -- true

# refused WHAT SQL: the schema of a copy is changed by SQL, and dearth names WHAT.
refused() {
    cp good.db bad.db
    sqlite3 -cmd '.dbconfig defensive off' bad.db "PRAGMA writable_schema = ON; $2"
    status 2 "$DEARTH" stats bad.db
    contains err "bad.db"
    contains err "$1"
}
change() { # TABLE FROM TO
    echo "UPDATE sqlite_schema SET sql = replace(sql, '$2', '$3') WHERE name = '$1'"
}
refused "table 'symbol' is not as" "$(change symbol 'line      INTEGER' 'line      INTEGER CHECK (line > 0)')"
refused "table 'unchecked_attempt' is not as" "$(change unchecked_attempt 'verdict TEXT' 'verdict TEXT DEFAULT (1)')"
refused "table 'location' is not as" "$(change location 'name      TEXT NOT NULL UNIQUE' 'name      TEXT NOT NULL UNIQUE ON CONFLICT IGNORE')"
refused "index 'attempt_by_site' is not as" "$(change attempt_by_site 'site_id, replay_id' 'replay_id, site_id')"
refused "view 'mine'" "CREATE VIEW mine AS SELECT 1"
refused "table 'mine'" "CREATE TABLE mine(a)"
refused "trigger 'mine'" "CREATE TRIGGER mine AFTER INSERT ON note BEGIN SELECT 1; END"
refused "no index 'unchecked_by_id'" "DROP INDEX unchecked_by_id"

accepted() { # WHAT SQL
    cp good.db same.db
    sqlite3 -cmd '.dbconfig defensive off' same.db "PRAGMA writable_schema = ON; $2"
    status 0 "$DEARTH" stats same.db
    echo "ok: $1"
}
accepted "blanks, quotes and comments" "$(change setting "CREATE TABLE setting" "CREATE TABLE  \"setting\" /* mine */")"
accepted 'statistics' "PRAGMA writable_schema = OFF; ANALYZE"

# As where a new file cannot be written at once: it is there, and empty.
: >empty.db
record -q -o empty.db --no-symbols -- true
status 0 "$DEARTH" stats empty.db
schema() {
    sql "$1" "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY 1, 2"
}
[ "$(schema empty.db)" = "$(schema good.db)" ] || fail 'the two ways to make a database differ'
equal "$(sql good.db 'PRAGMA user_version; PRAGMA application_id; PRAGMA journal_mode; PRAGMA page_size')" \
    "$(sql empty.db 'PRAGMA user_version; PRAGMA application_id; PRAGMA journal_mode; PRAGMA page_size')" 'the rest of the two'
equal ok "$(sql good.db 'PRAGMA integrity_check')" 'integrity'
