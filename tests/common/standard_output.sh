#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Whatever a command prints on a standard output that is full, closed, or a pipe that nobody reads any
# more: a status that is not zero, and one line that says why. What prints nothing there does its work.
. "$(dirname "$0")/../lib.sh"

"$BUILD/tests/recorder/make_database" d.db --events 500
"$DEARTH" record -q -o tested.db -- "$PROGRAMS/degraded" >/dev/null
"$DEARTH" replay -q tested.db
"$DEARTH" recover -q tested.db
commands=$("$DEARTH" --help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
lines=("--help" "--version" "help" "stats d.db" "stats --by thread d.db" "diff d.db d.db" "report d.db" "report --stacks d.db"
    "report -f text d.db" "report -f sarif -o - d.db" "report -f text -o /dev/stdout d.db" "view d.db" "view -o - d.db"
    "view -o /dev/fd/1 d.db" "export d.db" "export -f pprof -o - d.db" "export -f speedscope d.db" "export -f csv -o - d.db"
    "sql d.db 'SELECT 1'" "sql d.db 'SELECT * FROM allocation a, site'" "sql -f csv d.db 'SELECT * FROM allocation a, site'"
    "sql -f json d.db 'SELECT * FROM allocation a, site'" "sql d.db <<<.tables" "sql d.db <<<'.schema site'"
    "repro --print tested.db 1" "repro tested.db 1" "replay --dry-run d.db")
for command in $commands; do
    lines+=("$command --help" "$command -h")
done
silent=("recover d.db" "merge merged.db d.db" "record -q -o recorded.db -- true" "replay -q tested.db"
    "report -o report.json d.db" "view -q -o page.html d.db" "export -o folded d.db")

status_of_check=0
"$DEARTH" check -q -o checked.db --fail-on none -- "$PROGRAMS/reported" >/dev/full 2>err || status_of_check=$?
equal 0 "$status_of_check" 'status of a quiet check'
"$DEARTH" check -o checked.db --fail-on none -- "$PROGRAMS/reported" 2>err >/dev/full || status_of_check=$?
equal '2 1' "$status_of_check $(grep -c 'standard output: ' err)" 'status of a check, and lines about it'
equal checked.db "$(echo checked.db*)" 'what a check leaves'

# A pipe whose reader is gone before anything is written.
mkfifo pipe
exec 8<>pipe 9>pipe
exec 8>&-

# seen HOW LINE: status of it with such a standard output; what it says is in 'err'.
seen() {
    case $1 in
    full) eval "\"\$DEARTH\" $2" >/dev/full 2>err ;;
    closed) eval "\"\$DEARTH\" $2" >&- 2>err ;;
    'without a reader') eval "\"\$DEARTH\" $2" >&9 2>err ;;
    esac
}
for how in full closed 'without a reader'; do
    for line in "${lines[@]}"; do
        got=0
        seen "$how" "$line" || got=$?
        [ "$got" = 2 ] || [ "$got:${line%% *}" = 125:record ] ||
            fail "$how: $line: status $got: $(cat err)"
        case $how in full) words='No space left' ;; closed) words='Bad file desc' ;; *) words='Broken pipe' ;; esac
        equal 1 "$(grep -cE "cannot write: $words|standard output: not all could be written" err)" "$how: lines about it: $line"
    done
    rm -f merged.db recorded.db report.json page.html folded
    for line in "${silent[@]}"; do
        seen "$how" "$line" || fail "$how: $line: status $?: $(cat err)"
        lacks err 'cannot write'
    done
    for file in merged.db recorded.db report.json page.html folded; do
        [ -s "$file" ] || fail "$how: $file was not written"
    done
done
exec 9>&-

# Nothing that is opened gets the number of a closed standard descriptor, and the program sees what
# it would see without dearth.
"$DEARTH" view -o page.html d.db >&- 2>&- <&- || fail 'a page without standard descriptors'
grep -q '</html>' page.html || fail 'the page is not whole'
"$DEARTH" record -q -o fds.db -- sh -c '[ ! -e /proc/$$/fd/0 ] && [ ! -e /proc/$$/fd/1 ] && [ -e /proc/$$/fd/2 ]' \
    <&- >&- || fail 'the program has descriptors that dearth had not'
# ... and it gets SIGPIPE and SIGXFSZ as dearth did
for ignored in USR1 PIPE XFSZ; do
    (
        trap '' "$ignored"
        grep SigIgn /proc/self/status >wanted
        "$DEARTH" record -q -o signals.db -- grep SigIgn /proc/self/status >got
    )
    equal "$(cat wanted)" "$(cat got)" "ignored signals when $ignored is"
done
