#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Names come from programs and from other people's databases: what is printed for people holds nothing of
# them that steers a terminal, forges a line or turns the text round. Formats with escapes keep them.
. "$(dirname "$0")/../lib.sh"
need python3 sqlite3 jq

evil="char(27) || '[31m' || char(10) || 'gate passed' || char(13) || char(9) || char(8) || char(127) || char(155)
    || char(8238) || char(8232) || char(8295) || char(1564) || CAST(x'ff' AS TEXT)"
# spoil DATABASE WORDS: put WORDS behind everything that is a name.
spoil() {
    python3 "$SOURCE/tests/data/report_db.py" "$SOURCE" "$1"
    sqlite3 "$1" "UPDATE module SET path = path || $2;
        UPDATE symbol SET function = function || $2, file = file || $2;
        UPDATE location SET function = function || $2, file = file || $2, name = name || $2;
        UPDATE recording SET exe = '/bin/sh', cwd = '/', argv = json_array(exe, 'an argument' || $2);
        UPDATE process SET exe = exe || $2;
        UPDATE note SET text = text || $2, subject = subject || $2;
        UPDATE attempt SET hang_call = hang_call || $2, fired_exe = fired_exe || $2, crash_exe = crash_exe || $2;
        UPDATE finding SET policy = policy || $2, attributed_module = attributed_module || $2,
            facility = facility || $2, effect = effect || $2"
}
spoil plain.db "'x'"
spoil evil.db "$evil"

# harmless FILE WHAT: no control character but newlines, none of C1, nothing that turns text round, all UTF-8.
harmless() {
    iconv -f UTF-8 -t UTF-8 "$1" >/dev/null || fail "$2 is not UTF-8"
    ! grep -anP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae\x8e\x8f]|\xe2\x81[\xa6-\xa9]|\xd8\x9c' "$1" ||
        fail "$2: a name got through"
    echo "ok: $2 is harmless"
}
same_lines() {
    local each
    for each in plain evil; do
        status 0 "$DEARTH" "$@" "$each.db"
        cp out "$each.out"
    done
    LC_ALL=C harmless evil.out "$*"
    equal "$(wc -l <plain.out)" "$(wc -l <evil.out)" "lines of $*"
}
same_lines report --format text
same_lines report --format text --stacks
same_lines report --format markdown
same_lines report --format lcov
same_lines report --format sarif
same_lines report --format json --stacks
same_lines stats
same_lines stats --stacks
same_lines stats --by module
same_lines export
status 0 "$DEARTH" report --format junit evil.db
LC_ALL=C harmless out junit
status 0 "$DEARTH" diff evil.db evil.db
LC_ALL=C harmless out diff
status 0 "$DEARTH" sql evil.db "SELECT path, path AS 'a$(printf '\033')b' FROM module; SELECT name FROM location"
LC_ALL=C harmless out 'a table'
status 0 "$DEARTH" repro --print evil.db 1
LC_ALL=C harmless out 'repro --print'
status 1 "$DEARTH" report --gate --format json evil.db
LC_ALL=C harmless err 'the gate'

# What has escapes is as faithful as before.
status 0 "$DEARTH" sql -f json evil.db 'SELECT path FROM module WHERE id = 1'
jq -e '.[0].path | test("\u001b\\[31m\ngate passed\r\t\b\u007f\u009b\u202e\u2028\u2067\u061c")' out >/dev/null || fail 'JSON'
status 0 "$DEARTH" sql -f csv evil.db 'SELECT path FROM module WHERE id = 1'
grep -qaF "$(printf '\033[31m')" out || fail 'CSV in a file'

# Messages name files, options and what SQLite says; each is one line.
bad=$(printf 'no\033[31m\nsuch\342\200\256file')
for command in report stats view sql replay repro recover; do
    operands=("$bad.db")
    [ "$command" != repro ] || operands+=(1)
    status 2 "$DEARTH" "$command" "${operands[@]}" >/dev/null
    LC_ALL=C harmless err "$command of no file"
    equal 1 "$(wc -l <err)" "lines of $command"
    contains err 'no\x1b[31m\nsuch\u202efile'
done
status 2 "$DEARTH" report "--$bad" >/dev/null
LC_ALL=C harmless err 'an unknown option'
status 127 "$DEARTH" record -o r.db -- "./$bad" >/dev/null
LC_ALL=C harmless err 'a program that is not there'
