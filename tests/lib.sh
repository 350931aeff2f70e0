# SPDX-License-Identifier: Apache-2.0
# tests/lib.sh: what every end-to-end test sources first. A test is one small script that runs the
# built `dearth` in a directory of its own and leaves nothing behind.
#
#   DEARTH    the program under test          PROGRAMS  folder of the built small targets
#   SOURCE    root of the sources             BUILD     root of the build
#
# 0 = passed, 77 = skipped (something needed is not installed), anything else = failed.
# shellcheck shell=bash
set -Eeu -o pipefail
: "${DEARTH:?is set by meson test}" "${PROGRAMS:?}" "${SOURCE:?}" "${BUILD:?}"
# Under nohup, or in the background of a script, signals are ignored that tests send; a shell cannot undo that.
[ -z "$(trap)" ] || exec env --default-signal bash "$0" "$@"
unset LD_PRELOAD DEARTH_ARENA
export LC_ALL=C.UTF-8
export XDG_CACHE_HOME=$BUILD/cache # of names: not the developer's, and one for all tests
unset DEARTH_SYMBOL_CACHE

work=$(mktemp -d "${TMPDIR:-/tmp}/dearth-test.XXXXXXXX")
# Not by a child that a signal ends before it has become another program: it has no status to test by.
trap 'case $BASHPID in $$) rm -rf "$work" ;; esac' EXIT
trap 'echo "$0:$LINENO: status $? of: $BASH_COMMAND" >&2' ERR
cd "$work"

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

skip() {
    echo "skipped: $*"
    exit 77
}

# need PROGRAM...: skip the test when one is not installed.
need() {
    local program
    for program; do
        command -v "$program" >/dev/null || skip "$program is not installed"
    done
}

# equal WANTED SEEN WHAT
equal() {
    [ "$1" = "$2" ] || fail "$3: wanted '$1', saw '$2'"
    echo "ok: $3: $1"
}

# contains FILE WORDS: WORDS (fixed, in any case) are somewhere in FILE.
contains() {
    grep -qiF -- "$2" "$1" || {
        cat "$1" >&2
        fail "'$2' is not in $1"
    }
    echo "ok: $1 says '$2'"
}

lacks() {
    ! grep -qiF -- "$2" "$1" || {
        cat "$1" >&2
        fail "'$2' is in $1"
    }
    echo "ok: $1 does not say '$2'"
}

# status WANTED COMMAND...: run it, its output in files 'out' and 'err', and compare its exit status.
status() {
    local wanted=$1 seen=0
    shift
    "$@" >out 2>err || seen=$?
    [ "$seen" = "$wanted" ] || {
        tail -n 30 out err >&2
        fail "status $seen instead of $wanted: $*"
    }
    echo "ok: status $wanted: $*"
}

# sql DATABASE QUERY: rows with | between the columns.
sql() {
    sqlite3 -readonly -bail -cmd '.timeout 20000' "$1" "$2"
}

# record [OPTIONS] -- PROGRAM ...: quietly into dearth.db, standard error in 'err'.
record() {
    "$DEARTH" record "$@" 2>err || {
        cat err >&2
        fail "dearth record $*"
    }
}

# replay [OPTIONS]: of dearth.db, standard output and error in 'err'.
replay() {
    "$DEARTH" replay "$@" >err 2>&1 || {
        cat err >&2
        fail "dearth replay $*"
    }
}

# site_verdicts DATABASE MODE FUNCTION-GLOB: the verdicts of the attempts at locations in that function, each
# once; guarded ones have their own.
site_verdicts() {
    sql "$1" "SELECT group_concat(verdict, '+') FROM (SELECT DISTINCT verdict FROM attempt
        JOIN site ON site.id = attempt.site_id JOIN location ON location.id = site.location_id
        WHERE location.function GLOB '$3' AND attempt.mode = '$2' AND attempt.under <> 'guarded'
        ORDER BY verdict)"
}

# processes_below PATH: pids whose program lies below PATH or that work in it, zombies left out.
processes_below() {
    find /proc/[0-9]*/exe -maxdepth 0 -lname "$1/*" 2>/dev/null | cut -d/ -f3 || :
}

# processes_in PATH: pids of those that work in it, whatever their program; none of this script's session.
processes_in() {
    find /proc/[0-9]*/cwd -maxdepth 0 -lname "$1" 2>/dev/null | cut -d/ -f3 | xargs -r ps -o sid=,pid= -p |
        while read -r sid pid; do
            [ "$sid" = "$(ps -o sid= -p $$ | tr -d ' ')" ] || echo "$pid"
        done || :
}

# none_below PATH: within ten seconds no process of a program below PATH is left.
none_below() {
    local tries
    for tries in $(seq 100); do
        [ -n "$(processes_below "$1")" ] || return 0
        sleep 0.1
    done
    fail "still running after $tries tries: $(processes_below "$1" | xargs -r ps -o pid,args -p)"
}
