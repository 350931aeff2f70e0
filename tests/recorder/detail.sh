#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# --detail=sites: the sums per site are those of --detail=events, no event is stored, and each command
# works with it or says what it needs.
# tags: waits
. "$(dirname "$0")/../lib.sh"

record -o events.db -- "$PROGRAMS/oracle" 3000 7
record -o sites.db --detail=sites -- "$PROGRAMS/oracle" 3000 7
sums='SELECT hex(key), count, failed, failable, bytes, min_size, max_size, frees, peak_bytes, peak_blocks,
    live_blocks, live_bytes, temporary, cross_thread_frees, never
    FROM site_stat JOIN site ON site.id = site_id ORDER BY 1'
sql events.db "$sums" >wanted
sql sites.db "$sums" >seen
cmp wanted seen || fail 'other sums'
echo "ok: $(wc -l <seen) sites with the same sums"
equal 'sites|complete|1' "$(sql sites.db 'SELECT detail, state, exact FROM recording')" 'recording'
equal 0 "$(sql sites.db 'SELECT count(*) FROM event_chunk')" 'chunks'
equal "$(sql events.db 'SELECT events, allocations, frees, failed, bytes, peak_bytes, live_bytes FROM recording')" \
    "$(sql sites.db 'SELECT events, allocations, frees, failed, bytes, peak_bytes, live_bytes FROM recording')" 'totals'
equal "$(sql events.db 'SELECT events, allocations, frees, failed, bytes, live_blocks FROM process')" \
    "$(sql sites.db 'SELECT events, allocations, frees, failed, bytes, live_blocks FROM process')" 'of the process'

status 0 "$DEARTH" stats sites.db
status 0 "$DEARTH" stats --by process sites.db
status 0 "$DEARTH" stats --leaks sites.db
status 2 "$DEARTH" stats --by size sites.db
contains err '--detail=events'
status 2 "$DEARTH" export --format csv -o x.csv sites.db
contains err '--detail=events'
status 2 "$DEARTH" export --format collapsed --cost peak -o x.txt sites.db
contains err '--detail=events'
status 0 "$DEARTH" export --format collapsed --cost bytes -o x.txt sites.db
status 0 "$DEARTH" export --format pprof -o x.pb.gz sites.db
status 0 "$DEARTH" diff events.db sites.db
status 2 "$DEARTH" sql sites.db 'SELECT count(*) FROM allocation'
contains err '--detail=events'
status 0 "$DEARTH" report --format text sites.db

record -o handled.db --detail=sites -- "$PROGRAMS/handled"
status 0 "$DEARTH" replay handled.db
status 0 "$DEARTH" report -o report.json handled.db
equal '0|true' "$(jq -r '"\(.summary.sites.untested)|\(.completeness.exact)"' report.json)" 'untested sites, exact'
equal '1 1' "$(jq -r '.completeness | "\(.processes) \(.threads)"' report.json)" 'processes and threads'
[ "$(jq .completeness.own_bytes report.json)" -gt 65536 ] || fail 'own memory is not told'

# Committed while it runs and sleeps, not only when new sites come up.
rm -f counters
"$DEARTH" record -q -o running.db --no-symbols --detail=sites -- "$PROGRAMS/counted" run counters 1 2000 13 &
dearth=$!
sleep 12
equal 'running|2000' "$(sql running.db 'SELECT state, (SELECT sum(count) + (SELECT frees FROM process) FROM site_stat JOIN site
    ON site.id = site_id WHERE op IN ("malloc", "realloc")) FROM recording')" 'after ten seconds'
status 0 "$DEARTH" stats running.db
wait "$dearth"
