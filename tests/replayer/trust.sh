#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a database makes dearth run is shown, and refused when others could have written it.
. "$(dirname "$0")/../lib.sh"
need sqlite3

record -- "$PROGRAMS/reported"
"$DEARTH" replay -q --limit 1 2>err || fail "$(cat err)"
"$DEARTH" replay --limit 1 --retest >err 2>&1 || fail "$(cat err)"
contains err "(cd $work && exec $PROGRAMS/reported"
contains err "as $PROGRAMS/reported"
"$DEARTH" replay -q --limit 1 --retest >err 2>&1 || fail "$(cat err)"
lacks err 'exec'

# A database whose command leaves a file when it runs.
evil() {
    rm -f "$1"
    cp dearth.db "$1"
    sqlite3 "$1" "PRAGMA journal_mode = DELETE; UPDATE recording SET exe = '/bin/sh', env_named = '{\"PATH\":\"/evil\"}',
        argv = json_array('sh', '-c', ': >$work/ran' || char(10) || char(27) || '[2J')" >/dev/null
}
# refuses FILE WORDS [COMMAND...]: nothing runs, the command and the way out are said.
refuses() {
    local file=$1 words=$2
    shift 2
    [ $# -gt 0 ] || set -- "$DEARTH"
    rm -f ran
    for command in "replay $file" "replay -q $file" "repro $file 1"; do
        # shellcheck disable=SC2086
        status 2 "$@" $command </dev/null
        contains err "$words"
        contains err --trust
        contains err "exec env PATH=/evil sh -c"
        contains err ": >$work/ran\\x0a\\x1b[2J"
        [ ! -e ran ] || fail "$command ran it"
    done
}
isolation=(--isolation shared --how rerun --baseline-runs 2 --limit 1 --repeat 0 --leaks off --guard off)
sqlite3 dearth.db "INSERT INTO finding(id, replay_id, identity, verdict, severity, attempt_id, bad, tried)
    SELECT 1, replay_id, 'made', 'crashed', 'bug', id, 1, 1 FROM attempt ORDER BY id LIMIT 1"

evil mode.db
chmod 620 mode.db
refuses mode.db 'mode 0620'
chmod 602 mode.db
refuses mode.db 'mode 0602'
ln -s "$work/mode.db" link.db
refuses link.db 'mode 0602'
# What runs nothing needs no trust.
status 0 "$DEARTH" replay --dry-run mode.db
status 0 "$DEARTH" repro --print mode.db 1
status 0 "$DEARTH" report mode.db
[ ! -e ran ] || fail 'it ran'
# It is never asked for, and given it runs.
status 0 "$DEARTH" replay "${isolation[@]}" --trust mode.db
contains err "exec env PATH=/evil sh -c"
[ -e ran ] || fail 'it did not run with --trust'
rm ran
chmod 600 mode.db

mkdir folder
evil folder/f.db
chmod 777 folder
refuses folder/f.db 'folder'
# ... which check knows before it records.
status 2 "$DEARTH" check -o folder/new.db -- sh -c ': >ran'
contains err 'folder that others may write to'
contains err --trust
{ [ ! -e ran ] && [ ! -e folder/new.db ]; } || fail 'check recorded what it would not replay'
status 0 "$DEARTH" check --trust -o folder/new.db -- "$PROGRAMS/reported"
chmod 1777 folder
status 0 "$DEARTH" replay -q "${isolation[@]}" folder/f.db
[ -e ran ] || fail "a sticky folder is good enough: $(cat err)"
for command in 'replay folder/f.db' 'repro folder/f.db 1'; do # each takes an empty log over
    evil folder/f.db
    rm -f folder/f.db-wal ran
    (umask 0 && : >folder/f.db-wal)
    # shellcheck disable=SC2086
    status 2 "$DEARTH" $command
    contains err 'log (-wal)'
    [ ! -e ran ] || fail 'it ran'
done
rm -f folder/f.db-wal

# Commands of an earlier replay.
evil sweep.db
sqlite3 sweep.db "UPDATE replay SET how = 'sweep', options = json_object('drive', 'touch $work/ran', 'health', 'touch $work/ran',
    'output_check', 'touch $work/ran', 'ready_timeout_ns', 1000000000, 'loop_ns', 1000000000); UPDATE attempt SET armed = 'start'"
chmod 666 sweep.db
refuses sweep.db 'mode 0666'
status 2 "$DEARTH" replay sweep.db
contains err "health: sh -c 'touch $work/ran'"
contains err "drive: sh -c 'touch $work/ran'"
status 2 "$DEARTH" repro sweep.db 1
contains err "output-check: sh -c 'touch $work/ran'"

# What was merged from a stranger stays the stranger's; what was one's own stays that.
status 0 "$DEARTH" merge merged.db sweep.db
contains err --trust
refuses merged.db 'merged from'
status 0 "$DEARTH" merge again.db merged.db
lacks err --trust
refuses again.db 'merged from'
chmod 600 sweep.db*
status 0 "$DEARTH" merge mine.db sweep.db
lacks err --trust
sqlite3 mine.db "UPDATE recording SET argv = '[\"true\"]', exe = '/bin/true', cwd = '/'"
status 0 "$DEARTH" repro --print mine.db 1
# A recording of one's own that got a stranger's replay: the program is run, the replay's commands are not.
cp dearth.db own.db
cp dearth.db theirs.db
sqlite3 theirs.db "UPDATE replay SET started_unix_ns = 1, how = 'sweep', options = json_object('health', 'touch $work/ran',
    'ready_timeout_ns', 1000000000, 'loop_ns', 1000000000)"
chmod 606 theirs.db
status 0 "$DEARTH" merge own.db theirs.db
rm -f ran
status 2 "$DEARTH" replay own.db
contains err 'merged from'
[ ! -e ran ] || fail 'a merged replay ran'
status 0 "$DEARTH" replay -q --how rerun --limit 1 --retest own.db

# Variables that are no variables.
for env in '[1,"a"]' '"x"' '{"A=":"1","B":5}' nonsense; do
    sqlite3 own.db "UPDATE recording SET env_named = '$env'"
    status 0 "$DEARTH" replay -q --how rerun --limit 1 --retest own.db
done

# 'dearth check' says so before it records, and goes on with a file of one's own.
chmod 666 mode.db
status 2 "$DEARTH" check -o mode.db -- "$PROGRAMS/reported"
contains err --trust
equal 1 "$(sqlite3 mode.db 'SELECT count(*) FROM recording')" 'recordings after a refused check'
status 2 "$DEARTH" recover mode.db
contains err --trust

# Other users, in both directions.
[ "$(id -u)" = 0 ] || exit 0
need setpriv
evil other.db
chown 65534:65534 other.db
refuses other.db 'belongs to user 65534'
chmod 711 "$work"
evil roots.db
chmod 644 roots.db
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups "$DEARTH")
"${nobody[@]}" --version >/dev/null 2>&1 || exit 0
status 2 "${nobody[@]}" repro "$work/roots.db" 1 </dev/null
contains err 'belongs to user 0'
[ ! -e ran ] || fail 'it ran'
