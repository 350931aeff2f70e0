#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# dearth control: a recording is switched on and off, looked into and ended while its program runs; what was not
# recorded is said and never guessed, and the program notices nothing.
. "$(dirname "$0")/../lib.sh"
trap 'jobs -p | xargs -r kill 2>/dev/null || :; rm -rf "$work"' EXIT

# tell LETTER...: the program does it, and has done it.
tell() {
    local what
    for what; do
        printf %s "$what" >&7
        read -r -n1 -t 60 -u8 _ || fail "the program does not answer to $what"
    done
}

# begin DATABASE [OPTIONS]: the program runs, recorded by $dearth.
begin() {
    local database=$1
    shift
    mkfifo "$database.in" "$database.out"
    exec 7<>"$database.in" 8<>"$database.out"
    "$DEARTH" record -o "$database" "$@" -- "$PROGRAMS/switched" "$database.in" "$database.out" 7>&- 8>&- 2>"$database.err" &
    dearth=$!
    tell x
    folder=$(dirname "$(sql "$database" "SELECT session FROM recording WHERE state = 'running'")")
    [ -S "$folder/control" ] || fail "no socket in $folder"
}

# quit WANTED: the program ends, and dearth with its status.
quit() {
    local seen=0
    printf q >&7
    wait "$dearth" || seen=$?
    equal "$1" "$seen" 'status of the program'
    [ ! -e "$folder" ] || fail "$folder is left"
}

control() {
    status 0 "$DEARTH" control "$@"
}

# made DATABASE COLUMNS: over the blocks of made(), whose sizes are 50.
made() {
    sql "$1" "SELECT $2 FROM site_stat WHERE min_size = 50"
}

# Off at the start, on, a look, off, on, end: with threads, forks and execs in every state.
begin a.db --start-paused
tell a t c e
equal 0 "$(sql a.db 'SELECT coalesce(sum(events), 0) FROM process')" 'recorded before it was switched on'
control a.db start
contains err 'recording is on'
tell a f a c e t
control a.db snapshot
equal '300|100|200' "$(made a.db 'sum(count), sum(frees), sum(live_blocks)')" 'of the blocks made so far'
equal 'running|10' "$(sql a.db "SELECT state, (SELECT sum(count) FROM site_stat WHERE max_size = 77) FROM recording")" \
    'a child while it was on'
status 0 "$DEARTH" stats a.db
contains out 'from'
contains out 'not exact'
contains out 'not freed while recorded'
lacks out 'never freed:'
status 0 "$DEARTH" report a.db
equal 'running false' "$(jq -r '.recordings[0] | "\(.state) \(.exact)"' out)" 'report while it goes on'
contains out 'recorded from'
control a.db stop
tell f a c e t
control a.db snapshot
equal '300|100|200' "$(made a.db 'sum(count), sum(frees), sum(live_blocks)')" 'nothing while it is off'
control a.db start
control a.db start # again: it is on
equal '300|100|0' "$(made a.db 'sum(count), sum(frees), sum(live_blocks)')" 'nothing is known of the blocks of before'
tell f a t c e f a
control a.db end
contains err 'the program goes on'
[ ! -e "$folder" ] || fail "$folder is left while the program lives"
equal 'complete|0||' "$(sql a.db 'SELECT state, exact, exit_code, exit_signal FROM recording')" 'ended'
equal '600|300|100' "$(made a.db 'sum(count), sum(frees), sum(live_blocks)')" 'of all blocks that were seen'
equal 1 "$(sql a.db "SELECT count(*) FROM note WHERE kind = 'paused' AND text LIKE '%became of 2__ blocks%'")" 'that is said'
"$DEARTH" sql -f csv a.db "SELECT count(*) >= 200 FROM event WHERE op = 'unknown'" >out
equal 1 "$(tail -n 1 out)" 'their ends'
equal 0 "$(sql a.db 'SELECT count(*) FROM process WHERE live_blocks < 0 OR replaced')" 'impossible sums'
equal 1 "$(sql a.db "SELECT count(*) FROM note WHERE kind = 'ended'")" 'the end is said'
equal 1 "$(sql a.db "SELECT count(*) FROM location WHERE function = 'made'")" 'names are there'
tell a t f c e a # unharmed, by us
status 2 "$DEARTH" control a.db stop
contains err 'no recording goes on'
quit 3
contains a.db.err 'not freed while recorded'

# The program ends by itself, on or off: never exact.
begin e.db --start-paused
tell a
control e.db start
tell a
quit 3
equal 'complete|0|100|3' "$(sql e.db 'SELECT state, exact, live_blocks, exit_code FROM recording')" 'on at the end'
begin g.db --start-paused
tell a
quit 3
equal 'complete|0|0' "$(sql g.db 'SELECT state, exact, events FROM recording')" 'never on'
contains g.db.err 'nothing was recorded'
lacks g.db.err 'its own allocator'

# Ended while all the time was recorded: only that is said. A pipe goes on to the program.
mkfifo feed
exec 9<>feed
"$DEARTH" record -o pipe.db -- sh -c 'read -r a; echo "$a"; read -r b; echo "$b"' <feed >said 2>pipe.err 9>&- &
dearth=$!
echo first >&9
for _ in $(seq 600); do
    grep -q first said && break
    sleep 0.05
done
control pipe.db end
equal 'complete|0|first' "$(sql pipe.db "SELECT state, exact, trim(CAST(stdin_data AS TEXT), char(10)) FROM recording")" 'ended'
equal 0 "$(sql pipe.db "SELECT count(*) FROM note WHERE kind = 'paused'")" 'not off'
echo second >&9
seen=0
wait "$dearth" || seen=$?
equal '0 first second' "$seen $(tr '\n' ' ' <said | sed 's/ $//')" 'the pipe went on'
exec 9>&-

# A sample begins anew after a pause: what would have been in it meanwhile does not make the next call one that is.
begin h.db --sample 64M --no-symbols
tell a
control h.db stop
tell m
control h.db start
tell a
quit 3
equal 0 "$(sql h.db 'SELECT count(*) FROM site_stat WHERE min_size = 50')" 'small blocks after a pause'

# A signal for the program reaches it by way of dearth after the end, too; the program's status is dearth's.
begin b.db
control b.db end
kill -TERM "$dearth"
seen=0
wait "$dearth" || seen=$?
equal 143 "$seen" 'ended by the signal'

# Switched off and on, then dearth is killed: what is recovered is as little exact.
begin c.db
tell a
control c.db stop
tell f a
control c.db start
tell a
kill -KILL "$dearth"
wait "$dearth" 2>/dev/null || :
status 2 "$DEARTH" control c.db stop
contains err 'dearth recover c.db'
status 0 "$DEARTH" recover c.db
equal 'recovered|0' "$(sql c.db 'SELECT state, exact FROM recording')" 'recovered'
equal '200|0|100' "$(made c.db 'sum(count), sum(frees), sum(live_blocks)')" 'recovered sums'
tell f
printf q >&7

# Whom it does not obey, and what is no word.
begin d.db
cp d.db copy.db
cp d.db-wal copy.db-wal
status 2 "$DEARTH" control copy.db stop
contains err 'into another file'
chmod 666 copy.db
status 2 "$DEARTH" control copy.db stop
contains err '--trust'
status 2 "$DEARTH" control d.db strat
contains err "did you mean 'start'"
status 2 "$DEARTH" control d.db
status 2 "$DEARTH" control nothing.db stop
status 2 "$DEARTH" control --recording 7 d.db stop
contains err 'recording 7'
tell a
quit 3
equal 'complete|1' "$(sql d.db 'SELECT state, exact FROM recording')" 'asking alone changes nothing'
