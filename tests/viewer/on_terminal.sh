#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What people read: colours and lines that fit on a terminal, none of it in a pipe; JSON there, text here; names that would
# steer the terminal do not.
. "$(dirname "$0")/../lib.sh"
need script python3

unset NO_COLOR CLICOLOR CLICOLOR_FORCE COLUMNS
export TERM=xterm
python3 "$SOURCE/tests/data/report_db.py" "$SOURCE" a.db

# on COLUMNS COMMAND...: what a terminal of that width gets, in 'seen'.
on() {
    local columns=$1
    shift
    script -qec "stty cols $columns rows 24; $(printf '%q ' "$@")" /dev/null </dev/null >raw
    tr -d '\r' <raw >seen
    sed 's/\x1b\[[0-9;]*m//g' seen >plain
}
colored() {
    [ "$(tr -dc '\033' <"$1" | wc -c)" -gt 0 ]
}
# fits COLUMNS: no line is wider, but for commands to copy.
fits() {
    python3 - "$1" <<'P' || fail "lines wider than $1"
import sys
wide = [l for l in open("plain", encoding="utf-8").read().split("\n") if len(l) > int(sys.argv[1]) and "dearth " not in l]
print("\n".join(wide))
sys.exit(bool(wide))
P
}

# The format: as ever in a pipe.
"$DEARTH" report a.db >piped.json
"$DEARTH" report --format json a.db | cmp - piped.json || fail 'not JSON in a pipe'
"$DEARTH" report --format text a.db >piped
on 80 "$DEARTH" report a.db
contains plain 'Coverage'
colored seen || fail 'no colours on a terminal'
fits 80
on 80 "$DEARTH" report --format json a.db
cmp seen piped.json || fail 'JSON on a terminal is not JSON'
on 80 "$DEARTH" report -o file.json a.db
cmp file.json piped.json || fail '-o on a terminal is not JSON'
on 80 "$DEARTH" view a.db
contains plain 'Coverage'
fits 80

# Colours: the option, then NO_COLOR, then CLICOLOR_FORCE, then the terminal.
! colored piped || fail 'colours in a pipe'
"$DEARTH" report --format text --color always a.db >out
colored out || fail '--color always'
sed 's/\x1b\[[0-9;]*m//g' out | cmp - piped || fail 'colours change the text'
CLICOLOR_FORCE=1 "$DEARTH" report --format text a.db | colored /dev/stdin || fail 'CLICOLOR_FORCE'
! NO_COLOR=1 CLICOLOR_FORCE=1 "$DEARTH" report --format text a.db | colored /dev/stdin || fail 'NO_COLOR'
! CLICOLOR_FORCE=1 "$DEARTH" report --format text --color never a.db | colored /dev/stdin || fail '--color never'
NO_COLOR=1 "$DEARTH" report --format text --color always a.db | colored /dev/stdin || fail '--color always before NO_COLOR'
for setting in NO_COLOR=1 TERM=dumb CLICOLOR=0; do
    on 80 env "$setting" "$DEARTH" report a.db
    ! colored seen || fail "colours with $setting"
done

# Warnings, and the list of a suite.
"$BUILD/tests/recorder/make_database" w.db --events 100
sqlite3 w.db "INSERT INTO note(recording_id, kind, subject, text) SELECT max(id), 'bound_elsewhere', '/lib/own.so', 'x' FROM recording"
on 80 "$DEARTH" stats --leaks w.db
grep -q $'dearth: \x1b\[33mwarning:\x1b\[0m what was never freed' seen || fail 'a warning without colour'
status 0 "$DEARTH" stats --leaks w.db
contains err 'dearth: warning: what was never freed'
status 0 "$DEARTH" suite record -o s.db -- "$PROGRAMS/hello"
on 80 "$DEARTH" suite list --own 'hello*' s.db
grep -q $'^\x1b\[1m *unit' seen || fail 'the list of a suite without colours'
"$DEARTH" suite list --own 'hello*' s.db >out
! colored out || fail 'the list of a suite has colours in a pipe'

# Tables fit, and their names stay on their lines.
"$BUILD/tests/recorder/make_database" d.db --events 500
"$DEARTH" stats d.db >piped
for columns in 60 80 120; do
    on "$columns" "$DEARTH" stats --sort peak d.db
    fits "$columns"
    on "$columns" "$DEARTH" stats --leaks d.db
    fits "$columns"
    on "$columns" "$DEARTH" diff d.db d.db
    fits "$columns"
done
"$DEARTH" stats --color always d.db | sed 's/\x1b\[[0-9;]*m//g' | cmp - piped || fail 'colours change the table'

# Names: nothing of them is a sequence, a line, or turned around.
sqlite3 a.db "UPDATE location SET function = 'x' || char(27) || '[2J' || char(10) || '#9 bug: forged' || char(8238),
    file = 'a' || char(27) || ']0;t' || char(7) || char(27) || '[31m.c', name = name || id;
    UPDATE symbol SET function = 'y' || char(155) || '1m' || char(13) || char(8238);
    UPDATE recording SET argv = '[\"p\\u001b[1;31m\"]'; UPDATE attempt SET stderr_tail = char(27) || '[2Jbad' || char(155) || char(8238)"
for command in "report" "view" "stats" "report --stacks"; do
    # shellcheck disable=SC2086 # words
    on 80 "$DEARTH" $command a.db
    contains plain '\x1b'
    python3 - <<'P' || fail "$command: a name reaches the terminal"
import re, sys
raw = open("seen", "rb").read()
left = re.sub(rb"\x1b\[(0|1|1;31|33|32|36|2)m", b"", raw).decode()
bad = [c for c in left if c != "\n" and (ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u202e\u2028\ufffd" and c != "\ufffd")]
print(bad, file=sys.stderr)
sys.exit(bool(bad) or any(l.startswith("#9") for l in left.split("\n")))
P
done
