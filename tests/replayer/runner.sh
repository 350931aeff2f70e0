#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The runner alone: what it says about programs that misbehave when an allocation fails.
# tags: part
. "$(dirname "$0")/../lib.sh"
cp "$TARGET" "$work/target"

# seen [OPTIONS] -- MODE: result line of the attempt that fails the allocation in trigger().
seen() {
    local options=()
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    timeout 100 "$DRIVE" -F "${options[@]}" -- "$work/target" "$@" |
        grep '^[0-9].* fired=1 ' | tail -n 1
}

# shows WORDS... in LINE: each key=value or frame is there
shows() {
    local line=$1 word
    shift
    for word; do
        case " $line " in
        *" $word "*) ;;
        *) fail "$what: no '$word' in: $line" ;;
        esac
    done
    echo "ok: $what: $*"
}

# check WHAT MODE [NUMBER] -- WORDS...
check() {
    local mode=()
    what=$1
    shift
    while [ "$1" != -- ]; do
        mode+=("$1")
        shift
    done
    shift
    shows "$(seen "${options[@]}" -- "${mode[@]}")" "$@"
}

options=(-t 60000)
check 'crash' segv -- signal=11 crash=11 fatal=1 overflow=0 write_to_null timed_out=0 left=0
check 'call of NULL' call-null 0 -- signal=11 crash=11 fatal=1 '[anon]' main
check 'call of a wild address' call-null 0x1234 -- signal=11 crash=11 '[anon]' main
check 'abort' abort -- signal=6 crash=6 fatal=1 abort main
check 'endless recursion' stack -- signal=11 crash=11 overflow=1 frames=128 sink_deep
check 'crash in a thread' segv-thread -- signal=11 crash=11 write_to_null crash_in_thread
check 'crash of a child' segv-child -- exit=0 crash=11 fatal=1 write_to_null
check 'crash caught' segv-caught -- exit=9 signal=0 crash=11 fatal=0 write_to_null
check 'crash caught, then not' segv-again -- signal=11 crash=11 fatal=1 write_to_null
check 'crash caught and raised again' segv-raised -- signal=11 crash=11 fatal=1 frames=5 write_to_null
check 'crash of a child mimicked' segv-mimicked -- signal=11 crash=11 fatal=1 frames=5 write_to_null
check 'crash after execs' exec-chain 5 -- signal=11 crash=11 fatal=1 write_to_null
check 'kills itself' kill -- signal=9 crash=0 timed_out=0
check 'closes everything' close-all -- exit=0 timed_out=0
check 'its own job control' job-control -- exit=0 timed_out=0
check 'a daemon' daemon -- exit=0 left=1
options=(-t 1500)
check 'hangs' sleep -- timed_out=1 signal=9 crash=0 pause
check 'spins' spin -- timed_out=1 main
check 'stops itself' stop -- timed_out=1 raise
check 'hangs with children' forks 30 -- timed_out=1
none_below "$work"

options=(-u -t 60000)
check 'untraced: crash' segv -- signal=11 crash=0
check 'untraced: a daemon' daemon -- exit=0 left=1
check 'untraced: traces itself' trace -- exit=0
options=(-u -t 1500)
check 'untraced: hangs' sleep -- timed_out=1 pause
check 'untraced: stops itself' stop -- timed_out=1
check 'untraced: hangs with children' forks 30 -- timed_out=1
none_below "$work"

what='output: all counted'
shows "$("$DRIVE" -n 1 -- "$work/target" now print 300 | sed 's|/[0-9a-f]* stderr| stderr|')" \
    "stdout=$((300 * 1024))" exit=0
what='output: runaway'
shows "$("$DRIVE" -n 1 -o 1000000 -- "$work/target" now print 1000000000)" timed_out=1

what='stdin: a file'
yes 0123456789 | head -n 100000 >input || :
sum() {
    "$DRIVE" -n 2 "$@" -- md5sum | sed -n 's/.* stdout=\([^ ]*\) .*/\1/p' | sort -u
}
equal "$(sum -s input)" "$(sum -p -s input)" 'stdin: a file and a pipe give the same bytes'
[ "$(sum -s input)" != "$(sum)" ] || fail 'stdin is not read'

chmod -x input
what='cannot be executed'
shows "$("$DRIVE" -n 1 -- "$work/input")" start=13 attached=0
