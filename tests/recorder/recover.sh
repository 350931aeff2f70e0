#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# dearth killed at random moments: `dearth recover` makes of the database and the shared memory a
# recording that has each call that the program says it made, lost ones counted. The program goes on.
# tags: waits
. "$(dirname "$0")/../lib.sh"

wait_for_end() { # PID
    for _ in $(seq 300); do
        kill -0 "$1" 2>/dev/null || return 0
        sleep 0.1
    done
    fail "the program did not go on to its end"
}

# Between what was done and what was begun: every call of the program, recorded or counted as lost.
check_counts() { # DATABASE
    local seen done_ begun
    "$PROGRAMS/counted" print counters >counts
    read -r pid mb md bb bd fb fd rb rd <counts
    : "$bb" "$bd"
    done_=$((md + fd + rd)) begun=$((mb + fb + rb))
    seen=$(sql "$1" "SELECT total(n) FROM (SELECT events + events_lost AS n FROM process WHERE pid = $pid)")
    seen=${seen%.0}
    # what the program did before main() and in libc, beside the calls that it counts
    local own=16
    (( seen >= done_ && seen <= begun + own )) ||
        fail "$1: $seen events seen or lost, $done_ to $begun made"
    echo "ok: $1: $seen events of $done_ to $begun"
}

killed_record() { # DATABASE CALLS OPTIONS
    local database=$1 calls=$2 dearth pid # CALLS [SECONDS]
    shift 2
    rm -f counters
    # shellcheck disable=SC2086 # two words
    "$DEARTH" record -q -o "$database" --no-symbols "$@" -- "$PROGRAMS/counted" run counters 2 $calls &
    dearth=$!
    for _ in $(seq 500); do
        [ -s "$database" ] && [ "$(sql "$database" 'SELECT count(*) FROM process' 2>/dev/null)" = 1 ] && break
        sleep 0.01
    done
    sleep "0.0$((RANDOM % 90 + 10))"
    pid=$(sql "$database" 'SELECT pid FROM process')
    dirname "$(sql "$database" 'SELECT session FROM recording')" >>folders
    kill -KILL "$dearth"
    wait "$dearth" 2>/dev/null || :
    equal ok "$(sqlite3 "$database" 'PRAGMA quick_check')" "$database after the kill"
    wait_for_end "$pid"
}

for round in 1 2 3; do
    killed_record "events$round.db" 3000000
    status 0 "$DEARTH" recover "events$round.db"
    check_counts "events$round.db"
    equal 'recovered||' "$(sql "events$round.db" 'SELECT state, exit_code, session FROM recording')" 'state'
    equal '' "$(sql "events$round.db" 'SELECT p.id FROM process p LEFT JOIN event_chunk e ON e.process_id = p.id
        GROUP BY p.id HAVING total(n_events) <> events')" 'processes with other single events than counted'
    equal '0' "$(sql "events$round.db" 'SELECT count(*) FROM (SELECT recording.live_bytes - (SELECT total(live_bytes)
        FROM site_stat) AS d FROM recording) WHERE d <> 0')" 'live bytes by site and in all'
    rm "events$round.db"
done

# Killed while hardly anything is written: all of it is in the shared memory.
killed_record short.db '1000 2'
status 0 "$DEARTH" recover short.db
check_counts short.db
equal '1|0' "$(sql short.db 'SELECT exact, events_lost FROM recording')" 'exact, lost'
status 0 "$DEARTH" recover short.db
contains err 'complete'

killed_record sites.db 3000000 --detail=sites
status 0 "$DEARTH" recover sites.db
check_counts sites.db

# Nothing left of the shared memory: what was committed.
killed_record disk.db 3000000
arena=$(sql disk.db 'SELECT session FROM recording')
rm -r "$(dirname "$arena")"
status 0 "$DEARTH" recover disk.db
contains err 'the shared memory is gone'
equal 'recovered|0' "$(sql disk.db 'SELECT state, exact FROM recording')" 'state'

# Cut off: what is left of it is taken, and that something is missing is said.
killed_record cut.db 3000000
truncate -s 1000000 "$(sql cut.db 'SELECT session FROM recording')"
status 0 "$DEARTH" recover cut.db
contains err 'written over'
equal 'recovered|0|1' "$(sql cut.db 'SELECT state, exact, rings_damaged > 0 FROM recording')" 'state'

# A database of which the end is missing is not a complete one.
head -c -100 short.db >part.db
status 2 "$DEARTH" recover part.db
contains err 'was cut off'
lacks err 'complete'

# Nor is it one for having a log that ends where it ought to end, and being told so changes neither.
# What is in the log alone is not missing.
"$DEARTH" record -q -o log.db --no-symbols -- "$PROGRAMS/hello" >out
printf '%s\n' 'INSERT INTO note VALUES (98, 1, NULL, 0, zeroblob(200000), 0);' \
    'PRAGMA wal_checkpoint;' 'INSERT INTO note VALUES (99, 1, NULL, 0, zeroblob(200000), 0);' \
    '.shell cp log.db logged.db; cp log.db-wal logged.db-wal' |
    sqlite3 log.db >/dev/null
cp logged.db whole.db
cp logged.db-wal whole.db-wal
truncate -s -100 logged.db
cp logged.db before.db
cp logged.db-wal before.db-wal
for _ in 1 2; do
    status 2 "$DEARTH" recover logged.db
    contains err 'was cut off'
    cmp logged.db before.db
    cmp logged.db-wal before.db-wal
done
status 0 "$DEARTH" recover whole.db
equal 400000 "$(sqlite3 whole.db 'SELECT sum(length(text)) FROM note WHERE id > 97')" 'what was in the log'

# Another dearth leaves the memory of a killed recording alone; one that still records is refused.
"$DEARTH" record -q -o busy.db --no-symbols -- sleep 30 &
dearth=$!
for _ in $(seq 500); do
    [ -s busy.db ] && [ "$(sql busy.db 'SELECT count(*) FROM recording' 2>/dev/null)" = 1 ] && break
    sleep 0.01
done
status 2 "$DEARTH" recover busy.db
contains err 'still recording'
kill -INT "$dearth"
pkill -TERM -P "$dearth" 2>/dev/null || :
wait "$dearth" || :

while read -r folder; do
    [ ! -e "$folder" ] || fail "left behind: $folder"
done <folders
