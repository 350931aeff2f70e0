#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The terminal view: lists, search, details; at 80x24 and any other size, in UTF-8 and C locales, with and without colours;
# what a hostile database holds does not steer the terminal; a clear word where there is no terminal.
. "$(dirname "$0")/../lib.sh"
need tmux python3

unset NO_COLOR TMUX
export ASAN_OPTIONS=detect_leaks=0 # ncurses keeps what it has made
python3 "$SOURCE/tests/data/report_db.py" "$SOURCE" a.db

# Without a terminal, without an entry for it, and with what does not go together.
status 2 "$DEARTH" view --tui a.db
contains err 'terminal'
status 2 "$DEARTH" view --tui -o page.html a.db
contains err '--tui or --output'
if grep -q 'built without ncurses' err; then
    exit 0
fi

term() {
    LC_ALL=C.UTF-8 tmux -S "$work/t" -f /dev/null "$@"
}
trap 'term kill-server 2>/dev/null || :; rm -rf "$work"' EXIT
# start COLUMNS ROWS COMMAND: in a terminal of that size; what it ends with is shown as 'ended N'.
start() {
    term kill-server 2>/dev/null || :
    rm -f t
    term new-session -d -x "$1" -y "$2" "$3; echo ended \$?; exec sleep 600"
}
# sees WORDS: within thirty seconds they are on the screen, in 'screen'.
sees() {
    for _ in $(seq 300); do
        term capture-pane -p >screen
        ! grep -qF -- "$1" screen || {
            echo "ok: shows '$1'"
            return 0
        }
        sleep 0.1
    done
    cat screen >&2
    fail "'$1' is not on the screen"
}
keys() {
    term send-keys "$@"
}

"$DEARTH" report a.db >report.json
finding=$(jq -r '.findings[0].id' report.json)
run="'$DEARTH' view --tui a.db"
start 80 24 "$run"
sees '[1 Findings'
equal 24 "$(wc -l <screen)" 'lines of the screen'
sees "$(jq -r '.summary.sites.tested' report.json) of $(jq -r '.summary.sites.testable' report.json) sites tested"
keys Enter
sees "#$finding "
sees 'lines 1-'
keys End
sees 'again       dearth repro a.db'
keys n
keys p
sees 'Esc back'
keys Escape
sees '[1 Findings'
keys 2
sees '[2 Untested'
keys Tab
sees "[3 Sites $(jq '.sites | length' report.json)]"
keys s
sees 'sites by count'
key=$(jq -r '.sites[0].key' report.json)
keys / "$key" Enter
sees '[3 Sites 1]'
keys Enter
sees "$key"
keys q
sees 'ended 0'

# Search: all words; one that must not be there; nothing found; all again.
start 80 24 "$run"
sees '[1 Findings'
keys 3 / no-such-thing Enter
sees 'nothing of that'
keys Escape
sees "[3 Sites $(jq '.sites | length' report.json)]"
keys / -no-such-thing Enter
sees "[3 Sites $(jq '.sites | length' report.json)]"
keys '?'
sees 'Ctrl-C'

# Leaks: of the newest recording alone, with what the numbers hint at; or why they are not known.
"$BUILD/tests/recorder/make_database" kept.db --events 500
"$DEARTH" stats --leaks --full-names --by site --limit 1 kept.db >hints
hint=$(grep -oE '; ([0-9.]+ % kept|none was freed|one block, kept).*' hints | head -n 1)
[ -n "$hint" ] || fail 'stats --leaks has no hint'
keys q
sees 'ended 0'
start 200 24 "'$DEARTH' view --tui kept.db"
sees '[1 Findings'
keys 4
sees "$hint"
keys Enter
sees "never freed"
sees "${hint#; }"
keys q
sees 'ended 0'
sqlite3 kept.db "INSERT INTO note(recording_id, kind, subject, text) SELECT max(id), 'bound_elsewhere', '/lib/own.so', 'x' FROM recording"
start 80 24 "'$DEARTH' view --tui kept.db"
sees '[1 Findings'
keys 4
sees 'what was never freed is not known: /lib/own.so frees past dearth'
keys q
sees 'ended 0'
start 80 24 "$run"
sees '[1 Findings'

# Any size, while it runs.
for size in '40 8' '10 3' '2 1' '200 50' '80 24'; do
    # shellcheck disable=SC2086 # words
    term resize-window -x ${size% *} -y ${size#* }
    keys Escape 1 Enter
    sleep 0.2
    keys Escape
done
sees '[1 Findings'
keys C-c
sees 'ended 130'

# No colours; another locale; a terminal that nobody knows; a signal.
start 80 24 "NO_COLOR=1 $run"
sees '[1 Findings'
term capture-pane -ep >raw
! grep -qE $'\x1b\\[[0-9;]*3[1-6]' raw || fail 'colours with NO_COLOR'
keys q
sees 'ended 0'
start 80 24 "LC_ALL=C $run"
sees '[1 Findings'
keys Enter
sees "#$finding "
keys q
sees 'ended 0'
start 80 24 "TERM=no-such-terminal $run"
sees 'TERM=no-such-terminal'
sees 'ended 2'

start 80 24 "echo \$\$ >pid; exec $run"
sees '[1 Findings'
kill -TERM "$(cat pid)"
for _ in $(seq 100); do
    kill -0 "$(cat pid)" 2>/dev/null || break
    sleep 0.1
done
! kill -0 "$(cat pid)" 2>/dev/null || fail 'SIGTERM does not end it'

# Names that would clear the screen, forge a line or turn it around.
sqlite3 a.db "UPDATE location SET function = 'zz' || char(27) || '[2J' || char(10) || 'forged' || char(8238) || '\\xff',
    name = name || id; UPDATE attempt SET stderr_tail = char(27) || '[2Jtail' || char(155) || char(8238)"
for locale in C C.UTF-8; do
    start 120 40 "LC_ALL=$locale $run"
    sees '[1 Findings'
    keys 3 / zz Enter
    sees 'zz\x1b[2J\nforged\u202e'
    keys Enter
    sees 'zz\x1b[2J\nforged\u202e'
    ! grep -q '^forged' screen || fail 'a line is forged'
    keys q
    sees 'ended 0'
done
