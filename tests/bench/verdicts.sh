#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Does another build say the same of each site? 'dearth check', all its passes, on real programs, by two or more builds.
#
#   tests/bench/verdicts.sh [-k FOLDER] [-m MOST] [-o "OPTION..."] [-P "PROGRAM..."] DEARTH DEARTH... >table.md
#
# Each build checks each program of programs.sh once, in turn, in a folder that is made anew for it. What every later build says
# of a call of a site in a mode is compared with what the first one says: its verdicts as it is (not guarded) and, where both have
# looked, whether it leaks; of each site the severity of the worst finding it belongs to. Earlier versions name all of these alike.
# What only one build has tried is counted apart: other calls of the same sites, and sites that only one run of the program had.
#
# A verdict or leak that differs is run again, whole, three times by each build, which tells a program that does not do
# the same twice from a build that judges otherwise: of each kind of difference in a program the first MOST (10).
# OPTION...: more for 'check', of all builds ("--shard 1/8", "--leaks site"). With -k the databases of all stay in FOLDER
# (PROGRAM.N.db). The first table's processor time is of one run each, names kept from
# nowhere. No test: minutes of work. Programs that are not installed are left out, and said so. Progress goes to
# standard error, Markdown to standard output.
set -eu -o pipefail
here=$(readlink -f "$(dirname "$0")")
keep='' most=10 chosen='' options=()
while getopts k:m:o:P: option; do
    case $option in
    k) keep=$(readlink -f "$OPTARG") ;;
    m) most=$OPTARG ;;
    o) read -ra options <<<"$OPTARG" ;;
    P) chosen=$OPTARG ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
builds=()
for build in "${@:?the dearths to compare}"; do
    builds+=("$(readlink -f "$build")")
done
targets=$(dirname "${builds[-1]}")/tests/programs # for programs.sh
# shellcheck source=tests/bench/programs.sh
. "$here/programs.sh"
export LC_ALL=C.UTF-8
unset LD_PRELOAD DEARTH_ARENA
TIMEFORMAT='%U %S'

work=$(mktemp -d "${TMPDIR:-/var/tmp}/dearth-bench.XXXXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/inputs"
cd "$work/inputs"
make_inputs
cd "$work"
if [ "$chosen" ]; then
    read -ra programs <<<"$chosen"
fi

# What they read, as it was, in the folder that they run in.
fresh() {
    cd "$work"
    rm -rf run
    cp -a inputs run
    cd run
}

# check_by N: by the N-th build, into ../N.db; its seconds of processor time are printed.
check_by() {
    local status=0
    fresh
    rm -f "../$1.db"* # its log, too
    rm -rf ../cache
    { time XDG_CACHE_HOME=$work/cache "${builds[$1]}" check -q --shard "$share" ${options[@]+"${options[@]}"} -o "../$1.db" -- "${line[@]}" \
        <"$stdin" >../out 2>../err || status=$?; } 2>../cost
    [ "$status" -lt 2 ] || {
        cat ../err >&2
        return "$status"
    }
    awk '{ print $1 + $2 }' ../cost
}

# --- what two builds say: table 'seen' of all, and 'differing' ---

# A call of a site in a mode; in 'worst' a site, since an attempt whose result is that of another belongs to no finding itself.
tables="CREATE TABLE seen (n, key, occurrence, mode, verdicts, leaked, place, PRIMARY KEY (n, key, occurrence, mode));
CREATE TABLE worst (n, key, severity, PRIMARY KEY (n, key));"
# insert N
insert() {
    cat <<SQL
ATTACH '$1.db' AS build;
WITH plain AS (SELECT DISTINCT site_id, occurrence, mode, verdict FROM build.attempt WHERE under = 'plain' AND burst = 1
        AND second_site_id IS NULL AND fired = 1 ORDER BY verdict),
    verdict_of AS (SELECT site_id, occurrence, mode, group_concat(verdict, ' ') AS verdicts FROM plain GROUP BY 1, 2, 3),
    leak_of AS (SELECT site_id, occurrence, mode, max(leaked > 0) AS leaked FROM build.attempt GROUP BY 1, 2, 3)
INSERT INTO seen SELECT $1, lower(hex(s.key)), v.occurrence, v.mode, verdicts, leaked, replace(l.name, '|', '/')
    FROM verdict_of v JOIN build.site s ON s.id = v.site_id LEFT JOIN build.location l ON l.id = s.location_id
    LEFT JOIN leak_of USING (site_id, occurrence, mode);
WITH ranked AS (SELECT a.site_id, max(CASE f.severity WHEN 'bug' THEN 'd bug' WHEN 'warning' THEN 'c warning'
        WHEN 'policy' THEN 'b policy' ELSE 'a ' || f.severity END) AS severity
    FROM build.attempt a JOIN build.finding_attempt fa ON fa.attempt_id = a.id JOIN build.finding f ON f.id = fa.finding_id GROUP BY 1)
INSERT INTO worst SELECT DISTINCT $1, lower(hex(s.key)), coalesce(substr(r.severity, 3), 'none')
    FROM build.site s JOIN build.attempt a ON a.site_id = s.id LEFT JOIN ranked r ON r.site_id = s.id;
DETACH build;
SQL
}
# One row of each difference: of what, before, now, the verdict, where.
differing="SELECT 'verdict', a.verdicts, b.verdicts, '', key, occurrence, mode, a.place FROM seen a JOIN seen b USING (key, occurrence, mode)
        WHERE a.n = 0 AND b.n = @N AND a.verdicts <> b.verdicts
    UNION ALL SELECT 'leak', iif(a.leaked, 'leaked', 'none'), iif(b.leaked, 'leaked', 'none'), iif(a.verdicts = b.verdicts, a.verdicts, ''),
        key, occurrence, mode, a.place FROM seen a JOIN seen b USING (key, occurrence, mode)
        WHERE a.n = 0 AND b.n = @N AND a.leaked <> b.leaked
    UNION ALL SELECT 'finding', a.severity, b.severity, '', key, '', '', (SELECT place FROM seen s WHERE s.key = a.key)
        FROM worst a JOIN worst b USING (key) WHERE a.n = 0 AND b.n = @N AND a.severity <> b.severity
    ORDER BY 1 DESC, 2, 3, 8, 5, 6, 7"
# count N SQL: of rows of the N-th build's comparison
count() {
    sqlite3 seen.db "${2//@N/$1}"
}
findings="SELECT group_concat(n || ' ' || severity, ', ') FROM (SELECT severity, count(*) AS n FROM finding GROUP BY severity
    ORDER BY CASE severity WHEN 'bug' THEN 1 WHEN 'warning' THEN 2 WHEN 'policy' THEN 3 ELSE 4 END)"

# again N KEY OCCURRENCE MODE: what three more whole runs by a build show; '+' where they leak.
again() {
    local shown=() last
    for _ in 1 2 3; do
        fresh
        last=$(sqlite3 "../$1.db" 'SELECT coalesce(max(id), 0) FROM attempt')
        "${builds[$1]}" replay -q --guard off --leaks site --how rerun --mode "$4" --occurrence "$3" --repeat 0 --retest \
            --site "$2" "../$1.db" >/dev/null 2>&1 </dev/null || :
        shown+=("$(sqlite3 "../$1.db" "SELECT coalesce(group_concat(DISTINCT verdict), 'not run') ||
            CASE WHEN max(leaked) > 0 THEN '+' ELSE '' END FROM attempt WHERE id > $last AND mode = '$4' AND occurrence = $3")")
    done
    echo "${shown[*]}"
}

# compare PROGRAM N: a row of the table; differences are appended to 'differences'.
compare() {
    local program=$1 n=$2 kind last_kind='' rerun=0 what before after verdicts key occurrence mode place shown
    sqlite3 seen.db "${differing//@N/$n}" >differ
    echo "| $program | $((n + 1)) | $(sqlite3 0.db 'SELECT count(DISTINCT site_id) FROM attempt') | $(
        sqlite3 "$n.db" 'SELECT count(DISTINCT site_id) FROM attempt') | $(
        count "$n" 'SELECT count(*) FROM seen a JOIN seen b USING (key, occurrence, mode) WHERE a.n = 0 AND b.n = @N') | $(
        count "$n" 'SELECT (SELECT count(*) FROM seen a WHERE n = 0 AND NOT EXISTS (SELECT * FROM seen b WHERE b.n = @N AND
            (b.key, b.occurrence, b.mode) = (a.key, a.occurrence, a.mode))) || ", " || (SELECT count(*) FROM seen a WHERE n = @N AND
            NOT EXISTS (SELECT * FROM seen b WHERE b.n = 0 AND (b.key, b.occurrence, b.mode) = (a.key, a.occurrence, a.mode)))') | $(
        grep -c '^verdict' differ || :) | $(grep -c '^leak' differ || :) of $(
        count "$n" 'SELECT count(*) FROM seen a JOIN seen b USING (key, occurrence, mode) WHERE a.n = 0 AND b.n = @N AND
            a.leaked IS NOT NULL AND b.leaked IS NOT NULL') | $(grep -c '^finding' differ || :) | $(
        sqlite3 0.db "$findings") | $(sqlite3 "$n.db" "$findings") | ${cost[0]} | ${cost[n]} | $(
        awk "BEGIN { printf \"%.2f\", ${cost[n]} / ${cost[0]} }") |"
    while IFS='|' read -r what before after verdicts key occurrence mode place <&3; do
        kind="$what: $before, $after" shown='|'
        [ "$kind" = "$last_kind" ] || rerun=0
        last_kind=$kind
        if [ "$what" != finding ] && [ "$rerun" -lt "$most" ]; then
            rerun=$((rerun + 1))
            shown="$(again 0 "$key" "$occurrence" "$mode") | $(again "$n" "$key" "$occurrence" "$mode")"
        fi
        echo "| $program | $((n + 1)) | $what${verdicts:+ ($verdicts)} | $before | $after | \`${key:0:16}\` $place | $occurrence | $mode | $shown |" >>differences
    done 3<differ
}

echo "One run each, load $(cut -d' ' -f1 /proc/loadavg) at the start, $(nproc) processors, $(uname -m)."
for n in "${!builds[@]}"; do
    echo "$((n + 1)): $("${builds[n]}" --version)"
done
echo
echo "| program | build | sites, first | sites | compared | in one only | verdicts that differ | leaks that differ | sites whose worst finding differs | findings, first | findings | processor, first, s | processor, s | ratio |"
echo "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- | ---: | ---: | ---: |"
: >differences
for program in "${programs[@]}"; do
    command_of "$program"
    command -v "${line[0]}" >/dev/null || {
        echo "$program: not installed" >&2
        continue
    }
    cost=()
    fresh
    command_of "$program" # which names the folder
    rm -f ../seen.db
    sqlite3 ../seen.db "$tables"
    for n in "${!builds[@]}"; do
        cost+=("$(check_by "$n")")
        (cd .. && insert "$n" | sqlite3 seen.db)
        [ -z "$keep" ] || cp "../$n.db" "$keep/$program.$((n + 1)).db"
    done
    cd "$work"
    for n in "${!builds[@]}"; do
        [ "$n" = 0 ] || compare "$program" "$n"
    done
    echo "$program: done, load $(cut -d' ' -f1 /proc/loadavg)" >&2
done
[ -s differences ] || exit 0
echo
echo "Each difference; the last two: what three more whole runs by either build show, '+' with a leak."
echo
echo "| program | build | of its | first | now | site | call | mode | again, first | again |"
echo "| --- | ---: | --- | --- | --- | --- | ---: | --- | --- | --- |"
cat differences
