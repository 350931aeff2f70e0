#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# --sample: estimates of calls, bytes, frees and live blocks are as near to what a whole recording counts as
# the chance of each call allows (seven standard deviations: one run in 10^11); nothing of it is called exact,
# tested or covered; and it is not replayed.
# It preloads a library of its own, before which AddressSanitizer wants to be.
# tags: unsanitized
. "$(dirname "$0")/../lib.sh"

record --detail=sites -o whole.db -- "$PROGRAMS/sampled"
record --sample 16K -o s.db -- "$PROGRAMS/sampled"
contains err 'events of a sample: about'
contains err 'one byte in 16.0 KiB'
lacks err 'exact: no event lost'

# function|calls|bytes|frees|live blocks|freed by another thread, of the program's own functions
numbers="SELECT l.function, sum(count), sum(bytes), sum(frees), sum(live_blocks), sum(cross_thread_frees)
    FROM site_stat JOIN site s ON s.id = site_id JOIN location l ON l.id = s.location_id
    WHERE l.file LIKE '%sampled.c' AND l.function NOT IN ('main', 'refused') GROUP BY 1 ORDER BY 1"
sql whole.db "$numbers" >whole
equal 11 "$(wc -l <whole)" 'kinds of calls'

# near WANTED SEEN INTERVAL: by the sizes of the first
near() {
    awk -F'|' -v every="$3" '
        NR == FNR { for (i = 2; i <= 6; i++) seen[$1, i] = $i; next }
        {
            size = $3 / $2; p = 1 - exp(-size / every)
            for (i = 2; i <= 6; i++) {
                n = i == 3 ? $2 : $i
                bound = 7 * sqrt(n * ((1 - p) / p + p / 4)) * (i == 3 ? size : 1) + 1
                off = seen[$1, i] - $i; if (off < 0) off = -off
                if (off > bound) { print $1 ", column " i ": " seen[$1, i] " instead of " $i " +- " bound; bad = 1 }
            }
        }
        END { exit bad }' "$2" "$1"
}
sql s.db "$numbers" >seen
near whole seen 16384 || fail 'an estimate is too far off'
echo 'ok: estimates of 11 kinds of calls'
equal '0|16384|0' "$(sql s.db 'SELECT exact, sample_bytes, (SELECT count(*) FROM event_chunk) FROM recording')" 'the recording'
equal '0|0' "$(sql s.db 'SELECT sum(inherited), sum(replaced) FROM process')" 'frees of what is not in the sample'
equal "$(sql whole.db 'SELECT count(*) FROM process')" "$(sql s.db 'SELECT count(*) FROM process')" 'processes'
equal "$(sql whole.db 'SELECT sum(failed) FROM recording')" "$(sql s.db 'SELECT sum(failed) FROM recording')" 'failures, all of them'
[ "$(sql s.db 'SELECT sum(samples) FROM site_stat')" -lt 40000 ] || fail 'more than a sample'
within=$(sql whole.db "ATTACH 's.db' AS s; SELECT s.peak_bytes BETWEEN w.peak_bytes * 0.7 AND w.peak_bytes * 1.4
    FROM recording w, s.recording s")
equal 1 "$within" 'peak of all processes'

# An allocator that allocates through itself: as much is asked for as of any other.
cat >layers.c <<'C'
#include <string.h>
extern void *__libc_malloc(size_t);
void *malloc(size_t n) {
    return __libc_malloc(n);
}
void *calloc(size_t a, size_t b) {
    void *p = malloc(a * b);
    return p ? memset(p, 0, a * b) : p;
}
C
cc -shared -fPIC -O1 -fno-builtin -o layers.so layers.c
LD_PRELOAD=$PWD/layers.so record --sample 16K -o layers.db -- "$PROGRAMS/sampled"
sql layers.db "$numbers" >seen
near whole seen 16384 || fail 'calls that an allocator makes of itself'
echo 'ok: an allocator in layers'

# A byte in one: every call but the smallest is certain to be in it, and pairing must be that of a whole recording.
record --sample 1 --no-symbols -o every.db -- "$PROGRAMS/sampled"
sums='SELECT hex(key), count, failed, bytes, min_size, max_size, frees, peak_blocks, peak_bytes, live_blocks, live_bytes,
    cross_thread_frees FROM site_stat JOIN site ON site.id = site_id WHERE min_size >= 64 ORDER BY 1, 2, 3, 4, 5, 6, 7'
sql whole.db "$sums" >wanted
sql every.db "$sums" >seen
cmp wanted seen || { diff wanted seen | head >&2; fail 'a byte in one: other sums'; }
echo "ok: $(wc -l <seen) sums of a byte in one"

# What it says, and what it does not.
status 0 "$DEARTH" stats s.db
contains out 'about '
contains out 'not exact: a sample'
lacks out temporary
status 2 "$DEARTH" stats --sort temporary s.db
status 0 "$DEARTH" stats --format json s.db
equal 16384 "$(jq '.recording.sample_bytes' out)" 'stats in JSON'
status 0 "$DEARTH" stats --leaks s.db
contains out 'estimates of what was never freed'
status 0 "$DEARTH" export -o s.folded s.db
contains err 'not exact: a sample'
status 2 "$DEARTH" export --cost temporary -o x.folded s.db
status 0 "$DEARTH" export --format pprof -o s.pb.gz s.db
zcat s.pb.gz >s.pb
contains s.pb 'not exact: a sample'
status 0 "$DEARTH" export --format speedscope -o s.json s.db
contains s.json 'estimates from a sample'
status 0 "$DEARTH" diff whole.db s.db
contains out 'not exact: a sample'
status 0 "$DEARTH" report -o report.json s.db
equal 'null|false|16384' "$(jq -r '"\(.summary.coverage)|\(.completeness.exact)|\(.recordings[0].sample_bytes)"' report.json)" 'report'
equal 0 "$(jq '[.untested[] | select(.command)] | length' report.json)" 'commands that would test it'
status 0 "$DEARTH" report --format text s.db
contains out 'about '
contains out 'A sample is not replayed'
contains out void
status 2 "$DEARTH" report --gate --format text s.db
contains err 'which sites there are is not known'
status 0 "$DEARTH" view -o s.html s.db
status 0 "$DEARTH" report --demand s.db --format text whole.db
contains out 'calls  about'
status 0 "$DEARTH" report --demand s.db --format json whole.db
equal true "$(jq .estimated out)" 'demand in JSON'
status 2 "$DEARTH" replay s.db
contains err 'is a sample'
status 2 "$DEARTH" replay --dry-run s.db

# Beside a whole recording of the program that was tested to the end, coverage is no more known than alone.
record -o both.db -- "$PROGRAMS/handled"
replay both.db
status 0 "$DEARTH" report --gate --format text both.db
record --sample 512 -o both.db -- "$PROGRAMS/handled"
status 2 "$DEARTH" report --gate --format text both.db

status 125 "$DEARTH" record --sample 0 -o x.db -- true
contains err '--sample takes'
status 125 "$DEARTH" record --sample 512K --detail=events -o x.db -- true
contains err 'exclude each other'
