#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Processes killed at 600 random moments: each is recorded with what it says it did, in counters of its
# own shared memory. Nothing is lost and nothing invented, but for the one call of each thread that the
# signal met under way.
# tags: unsanitized
. "$(dirname "$0")/../lib.sh"

check_series() { # DATABASE OPTIONS
    local database=$1 off
    shift
    record -o "$database" --no-symbols "$@" -- "$PROGRAMS/counted" series 600 "$RANDOM" >counts
    sqlite3 "$database" >off <<'S'
.mode list
CREATE TEMP TABLE said(pid, malloc_begun, malloc_done, bytes_begun, bytes_done, free_begun, free_done,
    realloc_begun, realloc_done);
.separator " "
.import counts said
UPDATE said SET pid = pid + 0;
CREATE TEMP VIEW seen AS SELECT pid, p.id,
    (SELECT total(count) FROM site_stat t JOIN site s ON s.id = site_id WHERE t.process_id = p.id AND op = 'malloc') AS mallocs,
    (SELECT total(bytes) FROM site_stat t JOIN site s ON s.id = site_id WHERE t.process_id = p.id AND op = 'malloc') AS bytes,
    (SELECT total(count) FROM site_stat t JOIN site s ON s.id = site_id WHERE t.process_id = p.id AND op = 'realloc') AS reallocs,
    frees FROM process p WHERE "end" = 'killed';
SELECT * FROM said LEFT JOIN seen USING (pid) WHERE coalesce(mallocs, 0) NOT BETWEEN malloc_done + 0 AND malloc_begun + 0
    OR coalesce(bytes, 0) NOT BETWEEN bytes_done + 0 AND bytes_begun + 0
    OR coalesce(frees, 0) NOT BETWEEN free_done + 0 AND free_begun + 0
    OR coalesce(reallocs, 0) NOT BETWEEN realloc_done + 0 AND realloc_begun + 0;
S
    off=$(wc -l <off)
    [ "$off" = 0 ] || {
        cat off >&2
        sql "$database" 'SELECT exact, events, events_lost FROM recording' >&2
        sql "$database" 'SELECT kind, process_id, substr(text, 1, 200) FROM note' >&2
    }
    equal 0 "$off" "processes whose recording $* differs from what they did"
    equal 600 "$(sql "$database" "SELECT count(*) FROM process WHERE \"end\" = 'killed'")" 'killed processes'
    equal '1|0' "$(sql "$database" 'SELECT exact, events_lost FROM recording')" 'exact, lost'
}

check_series events.db
equal '' "$(sql events.db 'SELECT p.id FROM process p LEFT JOIN event_chunk e ON e.process_id = p.id
    GROUP BY p.id HAVING total(n_events) <> events')" 'processes with other single events than counted'
check_series sites.db --detail=sites
equal 0 "$(sql sites.db 'SELECT count(*) FROM event_chunk')" 'chunks with --detail=sites'
equal 0 "$(sql sites.db 'SELECT count(*) FROM ring_mark')" 'marks that are left'
