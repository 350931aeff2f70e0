#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Do copies of a running program show what whole reruns show? Real programs, each site of each once.
#
#   tests/bench/agreement.sh [-m once|sticky|both] DEARTH [PROGRAM...] >table.md
#
# -m: which failures (once).
# "Never reached": the program's hash seeds or addresses decided otherwise in that run, so that the fault
# never fired there; such a run says nothing about the site.
#
# A recording is replayed twice, from two copies of its database: by snapshots and by reruns, nothing
# repeated, nothing confirmed. For each site that a snapshot tested, the two verdicts are compared, and whether
# the files that were left are as without the failure;
# where they differ, both are listed, and the same fault is rerun three times more, which tells a
# wrong snapshot from a program that does not do the same twice. No test: minutes of work.
# Programs that are not installed are left out, and said so. Progress goes to standard error,
# Markdown to standard output.
set -eu -o pipefail
here=$(readlink -f "$(dirname "$0")")
mode=once
while getopts m: option; do
    case $option in
    m) mode=$OPTARG ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
dearth=$(readlink -f "${1:?the dearth to try}")
shift
targets=$(dirname "$dearth")/tests/programs # for programs.sh
export LC_ALL=C.UTF-8
unset LD_PRELOAD DEARTH_ARENA

work=$(mktemp -d "${TMPDIR:-/var/tmp}/dearth-bench.XXXXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

# shellcheck source=tests/bench/programs.sh
. "$here/programs.sh"
make_inputs
order=("$@")
[ $# -gt 0 ] || order=("${programs[@]}")

# --- one program ---

differing="SELECT DISTINCT lower(hex(s.key)), a.mode, a.occurrence, a.verdict, b.verdict
    FROM attempt a JOIN site s ON s.id = a.site_id JOIN other.site t ON t.key = s.key
    JOIN other.attempt b ON b.site_id = t.id AND b.mode = a.mode AND b.occurrence = a.occurrence
    WHERE b.how = 'snapshot' AND a.how = 'rerun' AND a.verdict <> 'unreached' AND
    (a.verdict <> b.verdict OR a.files_same IS NOT b.files_same)"
missed="SELECT count(*) FROM (SELECT site_id FROM attempt GROUP BY site_id HAVING max(fired) = 0)"
both="SELECT count(DISTINCT s.key) FROM attempt a JOIN site s ON s.id = a.site_id JOIN other.site t ON t.key = s.key
    JOIN other.attempt b ON b.site_id = t.id WHERE b.how = 'snapshot' AND a.how = 'rerun'"
refused="SELECT group_concat(reason || ' ' || n, ', ') FROM
    (SELECT reason, count(DISTINCT site_id) AS n FROM refused GROUP BY reason ORDER BY n DESC)"

# again KEY MODE: what three more reruns of a site show.
again() {
    local verdicts=()
    for _ in 1 2 3; do
        "$dearth" replay -q --guard off --how rerun --mode "$2" --repeat 0 --retest --site "$1" rerun.db >/dev/null 2>&1 </dev/null || :
        verdicts+=("$(sqlite3 rerun.db "SELECT verdict FROM attempt JOIN site ON site.id = site_id
            WHERE lower(hex(key)) = '$1' ORDER BY attempt.id DESC LIMIT 1")")
    done
    echo "${verdicts[*]}"
}

try() {
    local program=$1 way key failed rest
    command_of "$program"
    command -v "${line[0]}" >/dev/null || {
        echo "$program: not installed" >&2
        return
    }
    "$dearth" record -q -o recorded.db -- "${line[@]}" >/dev/null 2>&1 <"$stdin" || :
    for way in snapshot rerun; do
        cp recorded.db "$way.db"
        "$dearth" replay -q --guard off --mode "$mode" --repeat 0 --shard "$share" --how "$way" "$way.db" >/dev/null
    done
    sqlite3 -cmd "ATTACH 'snapshot.db' AS other" rerun.db "$differing" >differ
    echo "| $program | $(sqlite3 rerun.db 'SELECT count(DISTINCT site_id) FROM attempt') | $(
        sqlite3 -cmd "ATTACH 'snapshot.db' AS other" rerun.db "$both") | $(sqlite3 rerun.db "$missed") | $(wc -l <differ) | $(
        sqlite3 snapshot.db "$refused" 2>/dev/null) |"
    while IFS='|' read -r key failed rest; do
        echo "$program|$key|$failed|$rest|$(again "$key" "$failed")" >>differing
    done <differ
    rm -f ./*.db ./*.db-*
    echo "$program: done" >&2
}

: >differing
echo "| program | sites rerun | by snapshot too | never reached | verdicts that differ | left to rerun |"
echo "| --- | ---: | ---: | ---: | ---: | --- |"
for program in "${order[@]}"; do
    try "$program"
done
[ -s differing ] || exit 0
printf '\n| program | site | mode | occurrence | rerun | snapshot | rerun again |\n| --- | --- | --- | ---: | --- | --- | --- |\n'
awk -F'|' '{ printf "| %s | `%s` | %s | %s | %s | %s | %s |\n", $1, substr($2, 1, 16), $3, $4, $5, $6, $7 }' differing
